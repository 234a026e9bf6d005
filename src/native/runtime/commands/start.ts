import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { parseOptions } from '#native/options.ts';
import { environmentVariable } from '#sys/environment.ts';
import { openProcess } from '#sys/processes.ts';
import type { Context } from '../context.ts';
import type * as notify from '../notify.ts';
import { runPoststart, startProcess } from '../start.ts';
import { statusOf } from '../state/status.ts';
import { ContainerDirectory } from '../state/store.ts';
import { onlyArgument } from './create.ts';

export const usage = 'start CONTAINER';
export const options = {};

export function run(context: Context, args: readonly string[]): number {
  const id = onlyArgument(parseOptions(options, args), 'container ID');
  using directory = ContainerDirectory.open(context.root, id);
  const record = directory.load();
  const status = statusOf(context.root, record);
  if (record === undefined || status !== 'created') {
    const what =
      status === 'stopped'
        ? 'cannot start a container that has stopped'
        : `cannot start a container in state "${status}"`;
    throw new ProaError(what, { kind: 'conflict' });
  }
  const manager = environmentVariable('NOTIFY_SOCKET');
  using relay = manager ? lazy<typeof notify>('notify')().NotifyRelay.open(manager, directory.fd) : undefined;
  startProcess(directory);
  using process = relay && openProcess(record.pid as number);
  const { hooks } = directory.loadConfig();
  // The record is not locked while waiting: a service may take long to be ready, and others may want to stop it.
  directory.fd.close();
  runPoststart(context, record, hooks);
  if (process) relay?.relay(record.pid as number, process, { untilReady: true });
  return 0;
}
