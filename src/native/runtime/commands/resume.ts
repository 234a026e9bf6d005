import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { isFrozen, setFrozen } from '../cgroups/freezer.ts';
import type { Context } from '../context.ts';
import { statusOf } from '../state/status.ts';
import { readRecord } from '../state/store.ts';
import { onlyArgument } from './create.ts';

export const usage = 'resume CONTAINER';
export const options = {};

export function run(context: Context, args: readonly string[]): number {
  const id = onlyArgument(parseOptions(options, args), 'container ID');
  const record = readRecord(context.root, id);
  const status = statusOf(context.root, record);
  // A container that was paused before its start still says that it was created.
  if (record === undefined || status === 'stopped' || !isFrozen(record.cgroup)) {
    throw new ProaError(`container not paused: "${id}" is ${status}`, { kind: 'conflict' });
  }
  setFrozen(record.cgroup, false);
  return 0;
}
