import { totalmem } from 'node:os';
import type { BlockEntry, CgroupStats, InterfaceStats } from '#common/protocol/stats.ts';
import type { Sample } from '../sample.ts';

const NEVER = '0001-01-01T00:00:00Z';

export interface StatsViewOptions {
  container: { id: string; name: string };
  /** Undefined of a container that does not run. */
  sample: Sample | undefined;
  /** The one before it, which says what was used meanwhile. */
  before: Sample | undefined;
  cgroupVersion: 1 | 2;
}

/** Engine API, "ContainerStatsResponse". */
export function statsView({ container: { id, name }, sample, before, cgroupVersion }: StatsViewOptions) {
  const cgroups = sample?.container.cgroups;
  return {
    id,
    name: `/${name}`,
    os_type: 'linux',
    read: sample?.container.at ?? NEVER,
    preread: before?.container.at ?? NEVER,
    pids_stats: cgroups?.pids ?? {},
    blkio_stats: blockView(cgroups?.blkio ?? {}, cgroupVersion),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuView(sample),
    precpu_stats: cpuView(before),
    memory_stats: cgroups ? memoryView(cgroups.memory, cgroupVersion) : {},
    ...networksView(sample),
  };
}

function cpuView(sample: Sample | undefined) {
  const { usage, throttling } = sample?.container.cgroups.cpu ?? {};
  return {
    cpu_usage: {
      total_usage: usage?.total ?? 0,
      ...(usage?.percpu && { percpu_usage: usage.percpu }),
      usage_in_kernelmode: usage?.kernel ?? 0,
      usage_in_usermode: usage?.user ?? 0,
    },
    ...(sample && { system_cpu_usage: sample.machine.nanoseconds, online_cpus: sample.machine.processors }),
    throttling_data: {
      periods: throttling?.periods ?? 0,
      throttled_periods: throttling?.throttledPeriods ?? 0,
      throttled_time: throttling?.throttledTime ?? 0,
    },
  };
}

/** Without a limit of its own the machine's memory is a container's. */
function memoryView({ usage, raw = {} }: CgroupStats['memory'], cgroupVersion: 1 | 2) {
  const memory = totalmem();
  const limit = usage?.limit ?? memory;
  return {
    usage: usage?.usage ?? 0,
    ...(cgroupVersion === 1 && { max_usage: usage?.max ?? 0, failcnt: usage?.failcnt ?? 0 }),
    stats: raw,
    limit: limit > memory ? memory : limit,
  };
}

const blockFields = {
  io_service_bytes_recursive: 'ioServiceBytesRecursive',
  io_serviced_recursive: 'ioServicedRecursive',
  io_queue_recursive: 'ioQueueRecursive',
  io_service_time_recursive: 'ioServiceTimeRecursive',
  io_wait_time_recursive: 'ioWaitTimeRecursive',
  io_merged_recursive: 'ioMergedRecursive',
  io_time_recursive: 'ioTimeRecursive',
  sectors_recursive: 'sectorsRecursive',
};

/** Of version 2 Docker tells the bytes alone, and writes the operations small. */
function blockView(found: CgroupStats['blkio'], cgroupVersion: 1 | 2) {
  const entries = (field: string) =>
    ((found[field] ?? []) as BlockEntry[]).map(({ major = 0, minor = 0, op = '', value = 0 }) => ({
      major,
      minor,
      op: cgroupVersion === 2 ? op.toLowerCase() : op,
      value,
    }));
  return Object.fromEntries(
    Object.entries(blockFields).map(([name, field]) => [
      name,
      cgroupVersion === 1 || name === 'io_service_bytes_recursive' ? entries(field) : null,
    ]),
  );
}

/** Left out where there is none, as Docker does. */
function networksView(sample: Sample | undefined) {
  if (!sample || sample.machineNetwork) return {};
  const interfaces = sample.container.interfaces.filter(({ name }) => name !== 'lo');
  if (interfaces.length === 0) return {};
  return { networks: Object.fromEntries(interfaces.map((one) => [one.name, interfaceView(one)])) };
}

function interfaceView(one: InterfaceStats) {
  return {
    rx_bytes: one.receivedBytes,
    rx_packets: one.receivedPackets,
    rx_errors: one.receivedErrors,
    rx_dropped: one.receivedDropped,
    tx_bytes: one.sentBytes,
    tx_packets: one.sentPackets,
    tx_errors: one.sentErrors,
    tx_dropped: one.sentDropped,
  };
}
