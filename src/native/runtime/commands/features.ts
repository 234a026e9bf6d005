import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { writeAll } from '#sys/files.ts';
import type { Context } from '../context.ts';
import { features } from './feature-list.ts';

export const usage = 'features';
export const options = {};

export function run(_context: Context, args: readonly string[]): number {
  const { rest } = parseOptions(options, args);
  if (rest.length > 0) throw new ProaError('expected no arguments', { kind: 'invalid' });
  writeAll(1, `${JSON.stringify(features, undefined, 4)}\n`);
  return 0;
}
