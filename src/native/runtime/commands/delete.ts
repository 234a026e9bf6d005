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
  try {
    deleteContainer(context, id, force);
  } catch (error) {
    // Somebody else was quicker, or there was none.
    if (!force || kindOf(error) !== 'not-found') throw error;
  }
  return 0;
}

function deleteContainer(context: Context, id: string, force: boolean): void {
  const record = readRecord(context.root, id) ?? takeUnrecorded(context.root, id, force);
  if (!record) return;
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
  destroyContainer(context, record);
}

/** The record that its creator was about to write; where that was stopped before, and so before it made anything, none. */
function takeUnrecorded(root: string, id: string, force: boolean): ContainerRecord | undefined {
  using directory = ContainerDirectory.open(root, id);
  const record = directory.load();
  if (record) return record;
  if (!force) throw new ProaError(`container "${id}" is half made`, { kind: 'conflict', remedy: 'Use --force' });
  directory.remove();
  return undefined;
}

function killProcess(record: ContainerRecord): void {
  using process = openProcess(record.pid as number);
  if (!process || !isAlive(record)) return;
  signalProcess(process, SIGKILL);
  if (record.cgroup.version === 1 && isFrozen(record.cgroup)) setFrozen(record.cgroup, false);
}
