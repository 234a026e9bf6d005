import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { type ContainerOption, containerOptions } from '../container/options.ts';
import { containerPath } from '../container/path.ts';
import { setField } from '../container/request.ts';
import { forEach } from '../each.ts';

const {
  'blkio-weight': blkioWeight,
  'cpu-period': cpuPeriod,
  'cpu-quota': cpuQuota,
  'cpu-rt-period': cpuRtPeriod,
  'cpu-rt-runtime': cpuRtRuntime,
  'cpu-shares': cpuShares,
  cpus,
  'cpuset-cpus': cpusetCpus,
  'cpuset-mems': cpusetMems,
  memory,
  'memory-reservation': memoryReservation,
  'memory-swap': memorySwap,
  'pids-limit': pidsLimit,
  restart,
} = containerOptions;

const updatable = {
  'blkio-weight': blkioWeight,
  'cpu-period': cpuPeriod,
  'cpu-quota': cpuQuota,
  'cpu-rt-period': cpuRtPeriod,
  'cpu-rt-runtime': cpuRtRuntime,
  'cpu-shares': cpuShares,
  cpus,
  'cpuset-cpus': cpusetCpus,
  'cpuset-mems': cpusetMems,
  memory,
  'memory-reservation': memoryReservation,
  'memory-swap': memorySwap,
  'pids-limit': pidsLimit,
  restart,
};

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
