// What a container uses: its cgroups as `events` prints them, field by field as runc does (types/events.go there), and the
// interfaces of its network. Fields that are zero or empty are left out, but for those that runc always prints.
import type { Integer64 } from '../runtime-spec/types.ts';

/** The answer of a monitor to `stats`. */
export interface ContainerStats {
  /** RFC 3339. */
  at: string;
  cgroups: CgroupStats;
  interfaces: InterfaceStats[];
}

export interface InterfaceStats {
  name: string;
  receivedBytes: number;
  receivedPackets: number;
  receivedErrors: number;
  receivedDropped: number;
  sentBytes: number;
  sentPackets: number;
  sentErrors: number;
  sentDropped: number;
}

type Entry = Record<string, unknown>;

/** Times in nanoseconds, sizes in bytes. */
export interface CgroupStats {
  cpu: { usage?: CpuUsage; throttling?: Throttling; psi?: Pressure };
  cpuset: Entry;
  memory: {
    cache?: Integer64;
    usage?: MemoryEntry;
    swap?: MemoryEntry;
    kernel?: MemoryEntry;
    kernelTCP?: MemoryEntry;
    raw?: Record<string, Integer64>;
    psi?: Pressure;
  };
  pids: { current?: Integer64; limit?: Integer64 };
  blkio: Record<string, BlockEntry[] | Pressure>;
  hugetlb: Record<string, Entry>;
  intel_rdt: Entry;
  /** runc knows none since its hooks set up networks. */
  network_interfaces: null;
}

export interface CpuUsage {
  total?: Integer64;
  percpu?: Integer64[];
  percpu_kernel?: Integer64[];
  percpu_user?: Integer64[];
  kernel: Integer64;
  user: Integer64;
}

export interface Throttling {
  periods?: Integer64;
  throttledPeriods?: Integer64;
  throttledTime?: Integer64;
}

/** `limit` and `failcnt` are always there. */
export interface MemoryEntry {
  limit: Integer64;
  usage?: Integer64;
  max?: Integer64;
  failcnt: Integer64;
}

export interface BlockEntry {
  major?: Integer64;
  minor?: Integer64;
  op?: string;
  value?: Integer64;
}

export interface Pressure {
  some?: Record<string, number>;
  full?: Record<string, number>;
}
