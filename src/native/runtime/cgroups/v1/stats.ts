import type { BlockEntry, CgroupStats, CpuUsage, MemoryEntry } from '#common/protocol/stats.ts';
import type { Integer64 } from '#common/runtime-spec/types.ts';
import { memoryEntry, quantity, type ReadFile, table, withoutZeros } from '../stats-shape.ts';

/** Reads what version 1 hierarchies know of a container. */
export function statsOf(read: ReadFile, hugepageSizes: readonly string[]): CgroupStats {
  return {
    cpu: withoutZeros({ usage: cpuUsage(read), throttling: throttling(read) }),
    cpuset: cpuset(read),
    memory: memory(read),
    pids: pids(read),
    blkio: blkio(read),
    hugetlb: hugetlb(read, hugepageSizes),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** cpuacct.stat counts in USER_HZ, which is 100 on every Linux: proc(5). */
const NANOSECONDS_PER_TICK = 1e7;

function cpuUsage(read: ReadFile): CpuUsage | undefined {
  const total = read('cpuacct.usage');
  if (total === undefined) return undefined;
  const ticks = table(read('cpuacct.stat'));
  const rows = (read('cpuacct.usage_all') ?? '').split('\n').slice(1).filter(Boolean);
  const column = (index: number) => rows.map((row) => quantity(row.split(' ')[index]));
  return {
    ...withoutZeros({
      total: quantity(total),
      percpu: (read('cpuacct.usage_percpu') ?? '').split(/\s+/).filter(Boolean).map(quantity),
      percpu_kernel: column(2),
      percpu_user: column(1),
    }),
    kernel: Number(ticks['system'] ?? 0) * NANOSECONDS_PER_TICK,
    user: Number(ticks['user'] ?? 0) * NANOSECONDS_PER_TICK,
  };
}

function throttling(read: ReadFile) {
  const {
    nr_periods: periods,
    nr_throttled: throttledPeriods,
    throttled_time: throttledTime,
  } = table(read('cpu.stat'));
  return withoutZeros({ periods, throttledPeriods, throttledTime });
}

const cpusetFields = [
  'cpu_exclusive',
  'mem_hardwall',
  'mem_exclusive',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'memory_pressure',
  'sched_load_balance',
  'sched_relax_domain_level',
];

function cpuset(read: ReadFile): CgroupStats['cpuset'] {
  const values: Record<string, Integer64> = {};
  for (const field of cpusetFields) values[field] = quantity(read(`cpuset.${field}`));
  return { ...withoutZeros({ cpus: listed(read('cpuset.cpus')), mems: listed(read('cpuset.mems')) }), ...values };
}

/** The numbers in `0-2,7`. */
function listed(text = ''): number[] {
  const numbers: number[] = [];
  for (const part of text.trim().split(',').filter(Boolean)) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers;
}

function memory(read: ReadFile): CgroupStats['memory'] {
  const raw = table(read('memory.stat'));
  return withoutZeros({
    cache: raw['cache'],
    usage: memoryUsage(read, 'memory'),
    swap: memoryUsage(read, 'memory.memsw'),
    kernel: memoryUsage(read, 'memory.kmem'),
    kernelTCP: memoryUsage(read, 'memory.kmem.tcp'),
    raw,
  });
}

function memoryUsage(read: ReadFile, name: string): MemoryEntry | undefined {
  return memoryEntry({
    limit: quantity(read(`${name}.limit_in_bytes`)),
    usage: quantity(read(`${name}.usage_in_bytes`)),
    max: quantity(read(`${name}.max_usage_in_bytes`)),
    failcnt: quantity(read(`${name}.failcnt`)),
  });
}

/** No limit is no field. */
function pids(read: ReadFile): CgroupStats['pids'] {
  const limit = read('pids.max');
  return withoutZeros({
    current: quantity(read('pids.current')),
    limit: limit?.trim() === 'max' ? 0 : quantity(limit),
  });
}

const blkioFields = [
  ['sectors_recursive', 'sectorsRecursive'],
  ['io_service_time_recursive', 'ioServiceTimeRecursive'],
  ['io_wait_time_recursive', 'ioWaitTimeRecursive'],
  ['io_merged_recursive', 'ioMergedRecursive'],
  ['io_queued_recursive', 'ioQueueRecursive'],
  ['time_recursive', 'ioTimeRecursive'],
  ['io_serviced_recursive', 'ioServicedRecursive'],
  ['io_service_bytes_recursive', 'ioServiceBytesRecursive'],
] as const;

/** The BFQ scheduler counts, or the CFQ scheduler of old kernels did; the throttling layer always does. */
function blkio(read: ReadFile): CgroupStats['blkio'] {
  for (const prefix of ['blkio.bfq', 'blkio', 'blkio.throttle']) {
    const found: Record<string, BlockEntry[]> = {};
    for (const [file, field] of blkioFields) {
      const entries = blockEntries(read(`${prefix}.${file}`));
      if (entries.length > 0) found[field] = entries;
    }
    if (Object.keys(found).length > 0) return found;
  }
  return {};
}

/** Lines `8:0 Read 4096`, or `8:0 12`; the last, with the total, is left out. */
function blockEntries(text = ''): BlockEntry[] {
  const entries: BlockEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line.trim());
    if (!match) continue;
    const [, major, minor, op = '', value] = match;
    entries.push(withoutZeros({ major: quantity(major), minor: quantity(minor), op, value: quantity(value) }));
  }
  return entries;
}

function hugetlb(read: ReadFile, sizes: readonly string[]): CgroupStats['hugetlb'] {
  const stats: CgroupStats['hugetlb'] = {};
  for (const size of sizes) {
    const prefix = [`hugetlb.${size}.rsvd`, `hugetlb.${size}`].find(
      (name) => read(`${name}.usage_in_bytes`) !== undefined,
    );
    if (prefix === undefined) continue;
    const usage = quantity(read(`${prefix}.usage_in_bytes`));
    const max = quantity(read(`${prefix}.max_usage_in_bytes`));
    stats[size] = { ...withoutZeros({ usage, max }), failcnt: quantity(read(`${prefix}.failcnt`)) };
  }
  return stats;
}
