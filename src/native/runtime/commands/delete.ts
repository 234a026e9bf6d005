import { kindOf, ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { openProcess, SIGKILL, signalProcess } from '#sys/processes.ts';
import { isFrozen, setFrozen } from '../cgroups/freezer.ts';
import { killAll } from '../cgroups/index.ts';
import type { Context } from '../context.ts';
import { destroyContainer } from '../destroy.ts';
import { isAlive, statusOf } from '../state/status.ts';
import { ContainerDirectory, type ContainerRecord, readRecord } from '../state/store.ts';
import { onlyArgument } from './create.ts';

export const usage = 'delete [options] CONTAINER';
export const options = {
  force: { kind: 'flag', short: 'f', help: 'end a container that runs, and take what is half made' },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const id = onlyArgument(parsed, 'container ID');
  const force = parsed.flags.has('force');
  const record = recordOrNothing(context.root, id, force);
  if (record === 'nothing') return 0;
  if (record === undefined) {
    // The creator was stopped before it had recorded anything, and so before it had made anything.
    using directory = ContainerDirectory.open(context.root, id);
    if (!force) throw new ProaError(`container "${id}" is half made`, { kind: 'conflict', remedy: 'Use --force' });
    directory.remove();
    return 0;
  }
  const status = statusOf(context.root, record);
  if (!force && status !== 'stopped' && status !== 'created') {
    throw new ProaError(`cannot delete container "${id}" that is not stopped: ${status}`, {
      kind: 'conflict',
      remedy: 'Stop it first, or use --force',
    });
  }
  if (isAlive(record)) killProcess(record);
  // Who makes it sees that, also while a hook runs, and takes back what was made.
  else if (status === 'creating') killAll(record.cgroup);
  try {
    destroyContainer(context, record);
  } catch (error) {
    if (!force || kindOf(error) !== 'not-found') throw error;
  }
  return 0;
}

function recordOrNothing(root: string, id: string, force: boolean): ContainerRecord | undefined | 'nothing' {
  try {
    return readRecord(root, id);
  } catch (error) {
    if (force && error instanceof ProaError && error.kind === 'not-found') return 'nothing';
    throw error;
  }
}

function killProcess(record: ContainerRecord): void {
  using process = openProcess(record.pid as number);
  if (!process || !isAlive(record)) return;
  signalProcess(process, SIGKILL);
  if (record.cgroup.version === 1 && isFrozen(record.cgroup)) setFrozen(record.cgroup, false);
}
