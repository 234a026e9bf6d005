import { ProaError } from '#common/errors.ts';
import type {
  BlockIoResources,
  CpuResources,
  HugepageLimit,
  Integer64,
  MemoryResources,
  Resources,
  WeightDevice,
} from '#common/runtime-spec/types.ts';
import type { CgroupRecord } from '../record.ts';
import { applySettings, pidsMaximum, rdmaSettings, type Setting, setting } from '../settings.ts';

/** Sets limits; what `resources` does not name stays as it is. */
export function applyLimits({ directories }: CgroupRecord, resources: Resources): void {
  applySettings(limitSettings(resources), () => directories['unified']);
}

/**
 * What a version 2 cgroup is told for `resources`, but devices. The specification speaks of version 1; where the files
 * differ, values are converted as runc does. Throws `unsupported` for what version 2 has no counterpart of.
 */
export function limitSettings(resources: Resources): Setting[] {
  const { memory, cpu, pids, blockIO, hugepageLimits, network, rdma, unified } = resources;
  const settings: Setting[] = [];
  if (pids?.limit !== undefined) settings.push(setting('pids.limit', 'pids.max', pidsMaximum(pids.limit)));
  if (memory) settings.push(...memorySettings(memory));
  if (blockIO) settings.push(...blockIoSettings(blockIO));
  if (cpu) settings.push(...cpuSettings(cpu));
  if (hugepageLimits) settings.push(...hugepageSettings(hugepageLimits));
  if (rdma) settings.push(...rdmaSettings(rdma));
  if (network?.classID) throw absent('network.classID');
  if (network?.priorities?.length) throw absent('network.priorities');
  if (unified) settings.push(...unifiedSettings(unified));
  return settings;
}

function absent(field: string): ProaError {
  return new ProaError(`linux.resources.${field}: cgroup version 2 has nothing like it`, {
    kind: 'unsupported',
    remedy: 'Leave the field out, or boot the host with cgroup version 1',
  });
}

function memorySettings(memory: MemoryResources): Setting[] {
  const { limit, reservation, swap, swappiness, disableOOMKiller } = memory;
  if (swappiness !== undefined) throw absent('memory.swappiness');
  if (disableOOMKiller) throw absent('memory.disableOOMKiller');
  const settings: Setting[] = [];
  const swapOnly = swapMaximum(limit, swap);
  if (swapOnly !== undefined) {
    // Where there is no swap at all, neither none nor no limit of it needs a file.
    const otherwise = swapOnly === '0' || swapOnly === 'max' ? 'nothing' : undefined;
    settings.push(setting('memory.swap', 'memory.swap.max', swapOnly, otherwise));
  }
  if (limit) settings.push(setting('memory.limit', 'memory.max', maximum(limit)));
  if (reservation) settings.push(setting('memory.reservation', 'memory.low', maximum(reservation)));
  return settings;
}

function maximum(value: Integer64): string {
  return value < 0 ? 'max' : String(value);
}

/** Version 1 limits memory and swap together, version 2 swap alone. */
function swapMaximum(limit: Integer64 = 0, swap: Integer64 = 0): string | undefined {
  if (!swap) return limit < 0 ? 'max' : undefined;
  if (swap < 0) return 'max';
  if (limit < 0) return String(swap);
  const wrong = (text: string) => new ProaError(`linux.resources.memory.swap: ${text}`, { kind: 'invalid' });
  if (!limit) throw wrong('it includes memory, so that it needs linux.resources.memory.limit too');
  if (swap < limit) throw wrong(`expected at least linux.resources.memory.limit (${limit}), got ${swap}`);
  return String(BigInt(swap) - BigInt(limit));
}

function cpuSettings(cpu: CpuResources): Setting[] {
  const { shares, quota, burst, period, realtimeRuntime, realtimePeriod, cpus, mems, idle } = cpu;
  if (realtimeRuntime) throw absent('cpu.realtimeRuntime');
  if (realtimePeriod) throw absent('cpu.realtimePeriod');
  const settings: Setting[] = [];
  if (idle !== undefined) settings.push(setting('cpu.idle', 'cpu.idle', String(idle)));
  if (shares) settings.push(setting('cpu.shares', 'cpu.weight', String(weightFromShares(Number(shares)))));
  if (burst !== undefined) settings.push(setting('cpu.burst', 'cpu.max.burst', String(burst)));
  if (quota || period) {
    const value = `${quota && quota > 0 ? quota : 'max'} ${period || DEFAULT_PERIOD_MICROSECONDS}`;
    settings.push(setting(quota ? 'cpu.quota' : 'cpu.period', 'cpu.max', value));
  }
  if (cpus) settings.push(setting('cpu.cpus', 'cpuset.cpus', cpus));
  if (mems) settings.push(setting('cpu.mems', 'cpuset.mems', mems));
  return settings;
}

/** Documentation/admin-guide/cgroup-v2.rst, "cpu.max". */
const DEFAULT_PERIOD_MICROSECONDS = 100_000;

/**
 * 1 to 10,000 for 2 to 262,144, along the curve that takes both defaults (1,024 and 100) to each other, as in runc
 * 1.3 and crun 1.23. The old straight line made the default 39.
 */
export function weightFromShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  const weight = 10 ** ((log * log + 125 * log) / 612 - 7 / 34);
  // Powers come out a hair above a whole number on some engines.
  return Math.ceil(weight - 1e-9);
}

/** 1 to 10,000 for 10 to 1,000. */
export function weightFromBlkio(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

function blockIoSettings(blockIO: BlockIoResources): Setting[] {
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  if (leafWeight) throw absent('blockIO.leafWeight');
  const settings: Setting[] = [];
  if (weight) settings.push(weightSetting('blockIO.weight', '', weight));
  weightDevice.forEach((device, index) => {
    const setting = deviceWeight(device, `blockIO.weightDevice[${index}]`);
    if (setting) settings.push(setting);
  });
  for (const [list, key] of throttles) {
    for (const [index, { major, minor, rate }] of (blockIO[list] ?? []).entries())
      settings.push(setting(`blockIO.${list}[${index}]`, 'io.max', `${major}:${minor} ${key}=${rate || 'max'}`));
  }
  return settings;
}

const throttles = [
  ['throttleReadBpsDevice', 'rbps'],
  ['throttleWriteBpsDevice', 'wbps'],
  ['throttleReadIOPSDevice', 'riops'],
  ['throttleWriteIOPSDevice', 'wiops'],
] as const;

function deviceWeight({ major, minor, weight, leafWeight }: WeightDevice, field: string): Setting | undefined {
  if (leafWeight) throw absent(`${field}.leafWeight`);
  return weight ? weightSetting(field, `${major}:${minor} `, weight) : undefined;
}

/** The BFQ scheduler's file takes the same numbers as version 1; that of the io.cost model has ten times the range. */
function weightSetting(field: string, place: string, weight: number): Setting {
  return setting(field, 'io.bfq.weight', `${place}${weight}`, {
    file: 'io.weight',
    value: `${place}${weightFromBlkio(weight)}`,
  });
}

/** Both what may be used and what may be reserved; the latter came with Linux 5.7. */
export function hugepageSettings(limits: readonly HugepageLimit[]): Setting[] {
  return limits.flatMap(({ pageSize, limit }, index) => {
    const field = `hugepageLimits[${index}]`;
    return [
      setting(field, `hugetlb.${pageSize}.max`, String(limit)),
      setting(field, `hugetlb.${pageSize}.rsvd.max`, String(limit), 'nothing'),
    ];
  });
}

/** Files of several lines are written line by line: each is a value for one device. */
export function unifiedSettings(unified: Record<string, string>): Setting[] {
  return Object.entries(unified).flatMap(([file, content]) => {
    return content.split('\n').map((line) => setting(`unified[${JSON.stringify(file)}]`, file, line || '\n'));
  });
}
