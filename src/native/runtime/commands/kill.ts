import { ProaError } from '#common/errors.ts';
import { parseOptions } from '#native/options.ts';
import { openProcess, SIGKILL, signalProcess } from '#sys/processes.ts';
import { signalNumber } from '#sys/signals.ts';
import { isFrozen, setFrozen } from '../cgroups/freezer.ts';
import { killAll } from '../cgroups/index.ts';
import type { Context } from '../context.ts';
import { isAlive, statusOf } from '../state/status.ts';
import { readRecord } from '../state/store.ts';

export const usage = 'kill [options] CONTAINER [SIGNAL]';
export const options = { all: { kind: 'flag', short: 'a', help: 'signal every process of the container' } } as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const [id, name = 'SIGTERM', ...more] = parsed.rest;
  if (!id || more.length > 0) throw new ProaError('expected a container ID and at most a signal', { kind: 'invalid' });
  const signal = signalNumber(name);
  if (signal === undefined) throw new ProaError(`unknown signal "${name}"`, { kind: 'invalid' });
  const record = readRecord(context.root, id);
  const status = statusOf(context.root, record);
  if (!record || status === 'stopped' || status === 'creating') {
    // A container without processes has nobody left to signal, and nothing to complain of when all are meant.
    if (record && parsed.flags.has('all')) {
      killAll(record.cgroup, signal);
      return 0;
    }
    throw new ProaError('container not running', { kind: 'conflict' });
  }
  if (parsed.flags.has('all')) killAll(record.cgroup, signal);
  else {
    using process = openProcess(record.pid as number);
    // Looked at again with the handle in hand: the number may have passed to another process meanwhile.
    if (!process || !isAlive(record) || !signalProcess(process, signal)) {
      throw new ProaError('container not running', { kind: 'conflict' });
    }
  }
  // A frozen process cannot die: cgroup v1 knows no other way.
  if (signal === SIGKILL && record.cgroup.version === 1 && isFrozen(record.cgroup)) setFrozen(record.cgroup, false);
  return 0;
}
