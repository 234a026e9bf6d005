import type { BlockEntry, CgroupStats, Pressure } from '#common/protocol/stats.ts';
import type { Integer64 } from '#common/runtime-spec/types.ts';
import { memoryEntry, quantity, type ReadFile, table, withoutZeros } from '../stats-shape.ts';

/** Reads what a version 2 cgroup knows of a container, in the words of version 1. */
export function statsOf(read: ReadFile, hugepageSizes: readonly string[]): CgroupStats {
  return {
    cpu: cpu(read),
    // As runc: always zero in version 2.
    cpuset: Object.fromEntries(cpusetFields.map((field) => [field, 0])),
    memory: memory(read),
    pids: pids(read),
    blkio: blkio(read),
    hugetlb: hugetlb(read, hugepageSizes),
    intel_rdt: {},
    network_interfaces: null,
  };
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

const nanoseconds = (microseconds: Integer64 | undefined) => Number(microseconds ?? 0) * 1000;

function cpu(read: ReadFile): CgroupStats['cpu'] {
  const stat = table(read('cpu.stat'));
  const total = nanoseconds(stat['usage_usec']);
  const kernel = nanoseconds(stat['system_usec']);
  const user = nanoseconds(stat['user_usec']);
  return withoutZeros({
    usage: total || kernel || user ? { ...withoutZeros({ total }), kernel, user } : undefined,
    throttling: withoutZeros({
      periods: stat['nr_periods'],
      throttledPeriods: stat['nr_throttled'],
      throttledTime: nanoseconds(stat['throttled_usec']),
    }),
    psi: pressure(read('cpu.pressure')),
  });
}

function memory(read: ReadFile): CgroupStats['memory'] {
  const raw = table(read('memory.stat'));
  const usage = quantity(read('memory.current'));
  const limit = quantity(read('memory.max'));
  const swapUsage = quantity(read('memory.swap.current'));
  const swapLimit = quantity(read('memory.swap.max'));
  return withoutZeros({
    cache: raw['file'],
    usage: memoryEntry({ limit, usage, max: quantity(read('memory.peak')), failcnt: 0 }),
    // Version 1 counts memory and swap together; a highest use of both together is not known here.
    swap: memoryEntry({ limit: sum(swapLimit, limit), usage: sum(swapUsage, usage), max: 0, failcnt: 0 }),
    raw,
    psi: pressure(read('memory.pressure')),
  });
}

const UNLIMITED = (1n << 64n) - 1n;

function sum(a: Integer64, b: Integer64): Integer64 {
  if (a === UNLIMITED || b === UNLIMITED) return UNLIMITED;
  return quantity(String(BigInt(a) + BigInt(b)));
}

function pids(read: ReadFile): CgroupStats['pids'] {
  const current = read('pids.current');
  const limit = read('pids.max');
  // Without the controller, processes can at least be counted.
  const counted =
    current === undefined ? (read('cgroup.procs') ?? '').split('\n').filter(Boolean).length : quantity(current);
  return withoutZeros({ current: counted, limit: limit?.trim() === 'max' ? 0 : quantity(limit) });
}

const ioFields: Record<string, readonly [field: string, op: string]> = {
  rbytes: ['ioServiceBytesRecursive', 'Read'],
  wbytes: ['ioServiceBytesRecursive', 'Write'],
  rios: ['ioServicedRecursive', 'Read'],
  wios: ['ioServicedRecursive', 'Write'],
};

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
function blkio(read: ReadFile): CgroupStats['blkio'] {
  const found: Record<string, BlockEntry[]> = {};
  for (const line of (read('io.stat') ?? '').split('\n')) {
    const [place = '', ...pairs] = line.split(' ');
    const [major, minor] = place.split(':');
    if (minor === undefined) continue;
    for (const pair of pairs) {
      const [key = '', value] = pair.split('=');
      const known = Object.hasOwn(ioFields, key) ? ioFields[key] : undefined;
      if (!known) continue;
      const [field, op] = known;
      const entry = withoutZeros({ major: quantity(major), minor: quantity(minor), op, value: quantity(value) });
      found[field] = [...(found[field] ?? []), entry];
    }
  }
  const psi = pressure(read('io.pressure'));
  return psi ? { ...found, psi } : found;
}

/** Lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`: Documentation/accounting/psi.rst. */
function pressure(text: string | undefined): Pressure | undefined {
  if (text === undefined) return undefined;
  const found: Pressure = {};
  for (const line of text.split('\n')) {
    const [kind, ...pairs] = line.split(' ');
    if (kind !== 'some' && kind !== 'full') continue;
    const values = Object.fromEntries(pairs.map((pair) => pair.split('=')).map(([key, value]) => [key, Number(value)]));
    if (Object.values(values).some((value) => value !== 0)) found[kind] = values;
  }
  return found;
}

function hugetlb(read: ReadFile, sizes: readonly string[]): CgroupStats['hugetlb'] {
  const stats: CgroupStats['hugetlb'] = {};
  for (const size of sizes) {
    const current = read(`hugetlb.${size}.rsvd.current`) ?? read(`hugetlb.${size}.current`);
    if (current === undefined) continue;
    const events = table(read(`hugetlb.${size}.events`));
    stats[size] = { ...withoutZeros({ usage: quantity(current) }), failcnt: events['max'] ?? 0 };
  }
  return stats;
}
