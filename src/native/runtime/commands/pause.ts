import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { setFrozen } from '../cgroups/freezer.ts';
import type { Context } from '../context.ts';
import { statusOf } from '../state/status.ts';
import { readRecord } from '../state/store.ts';
import { onlyArgument } from './create.ts';

export const usage = 'pause CONTAINER';
export const options = {};

export function run(context: Context, args: readonly string[]): number {
  const id = onlyArgument(parseOptions(options, args), 'container ID');
  const record = readRecord(context.root, id);
  const status = statusOf(context.root, record);
  if (record === undefined || (status !== 'running' && status !== 'created')) {
    throw new ProaError(`container not running: "${id}" is ${status}`, { kind: 'conflict' });
  }
  setFrozen(record.cgroup, true);
  return 0;
}
