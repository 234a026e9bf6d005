import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { type ContainerOption, containerOptions } from '../container/options.ts';
import { containerPath } from '../container/path.ts';
import { setField } from '../container/request.ts';
import { forEach } from '../each.ts';

const names = [
  'blkio-weight',
  'cpu-period',
  'cpu-quota',
  'cpu-rt-period',
  'cpu-rt-runtime',
  'cpu-shares',
  'cpus',
  'cpuset-cpus',
  'cpuset-mems',
  'memory',
  'memory-reservation',
  'memory-swap',
  'pids-limit',
  'restart',
] as const;

const updatable = Object.fromEntries(names.map((name) => [name, containerOptions[name]])) as Pick<
  typeof containerOptions,
  (typeof names)[number]
>;

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Change the limits and the restart policy of one or more containers',
  options: updatable,
  least: 1,
  subject: 'container',

  async run(session, { options, given, words }) {
    if (given.size === 0)
      throw new ProaError('you must provide one or more flags when using this command', { kind: 'invalid' });
    const request: Record<string, unknown> = {};
    for (const name of given) {
      const { field = '', as } = updatable[name as keyof typeof updatable] as ContainerOption;
      const value = options[name as keyof typeof options];
      // What is in HostConfig of a new container is at the top here.
      setField(request, field.replace(/^HostConfig\./, ''), as ? as(value as never, name) : value);
    }
    return forEach(session, words, async (name) => {
      const { Warnings } = await session.engine.post<{ Warnings: string[] | null }>(containerPath(name, 'update'), {
        json: request,
      });
      for (const warning of Warnings ?? []) session.warn(warning);
    });
  },
});
