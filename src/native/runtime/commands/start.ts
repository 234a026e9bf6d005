import { ProaError } from '#common/errors.ts';
import type { Context } from '../context.ts';
import { parseOptions } from '../options.ts';
import { startProcess } from '../start.ts';
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
  startProcess(directory, record);
  return 0;
}
