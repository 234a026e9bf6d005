import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import type { DeviceRate, HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { BlockIoResources, CpuResources, MemoryResources, Resources, Rlimit } from '#common/runtime-spec/types.ts';
import { cpuset } from './cpusets.ts';
import { deviceRules } from './devices.ts';

const PERIOD_MICROSECONDS = 100_000;
/** Docker's least: less does not hold a runtime and a program. */
const LEAST_MEMORY = 6 << 20;

/** The limits of a container's cgroup. Throws `invalid` for those that contradict each other. */
export function containerResources(host: HostConfig): Resources {
  const pids = host.PidsLimit;
  const blockIO = blockIoOf(host);
  return {
    devices: deviceRules(host),
    memory: memoryOf(host),
    cpu: cpuOf(host),
    ...(pids !== undefined && pids !== 0 && { pids: { limit: pids } }),
    ...(Object.keys(blockIO).length > 0 && { blockIO }),
  };
}

function memoryOf({ Memory = 0, MemorySwap = 0, MemoryReservation = 0, ...host }: HostConfig): MemoryResources {
  if (Memory > 0 && Memory < LEAST_MEMORY) throw wrong('Memory', 'Minimum memory limit allowed is 6MB');
  if (MemorySwap > 0 && Memory === 0)
    throw wrong('MemorySwap', 'You should always set the Memory limit when using Memoryswap limit');
  if (MemorySwap > 0 && MemorySwap < Memory)
    throw wrong('MemorySwap', 'Minimum memoryswap limit should be larger than memory limit');
  if (Memory > 0 && MemoryReservation > Memory)
    throw wrong('MemoryReservation', 'Minimum memory limit can not be less than memory reservation limit');
  const { MemorySwappiness: swappiness = -1, OomKillDisable = false } = host;
  return {
    ...(Memory > 0 && { limit: Memory, swap: MemorySwap === 0 ? 2 * Memory : MemorySwap }),
    ...(MemoryReservation > 0 && { reservation: MemoryReservation }),
    ...(swappiness >= 0 && { swappiness }),
    ...(OomKillDisable && { disableOOMKiller: true }),
  };
}

function cpuOf({ NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, CpuShares = 0, ...host }: HostConfig): CpuResources {
  if (NanoCpus > 0 && (CpuPeriod > 0 || CpuQuota > 0))
    throw wrong('NanoCpus', 'Conflicting options: Nano CPUs and CPU Period or Quota cannot both be set');
  // Counting reads three files of the kernel.
  const count = NanoCpus > 0 ? cpus().length : 0;
  if (NanoCpus > count * 1e9)
    throw wrong('NanoCpus', `Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  if (CpuPeriod > 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000))
    throw wrong('CpuPeriod', 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if (CpuQuota > 0 && CpuQuota < 1000) throw wrong('CpuQuota', 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
  const period = NanoCpus > 0 ? PERIOD_MICROSECONDS : CpuPeriod;
  const quota = NanoCpus > 0 ? Math.round((NanoCpus * PERIOD_MICROSECONDS) / 1e9) : CpuQuota;
  const { CpuRealtimePeriod = 0, CpuRealtimeRuntime = 0 } = host;
  const cpuList = cpuset('CpusetCpus', host.CpusetCpus);
  const nodeList = cpuset('CpusetMems', host.CpusetMems);
  return {
    ...(CpuShares > 0 && { shares: CpuShares }),
    ...(period > 0 && { period }),
    ...(quota !== 0 && { quota }),
    ...(CpuRealtimePeriod > 0 && { realtimePeriod: CpuRealtimePeriod }),
    ...(CpuRealtimeRuntime > 0 && { realtimeRuntime: CpuRealtimeRuntime }),
    ...(cpuList !== undefined && { cpus: cpuList }),
    ...(nodeList !== undefined && { mems: nodeList }),
  };
}

function blockIoOf(host: HostConfig): BlockIoResources {
  const rates = (name: 'BlkioDeviceReadBps' | 'BlkioDeviceWriteBps' | 'BlkioDeviceReadIOps' | 'BlkioDeviceWriteIOps') =>
    (host[name] ?? []).map(({ Path, Rate }: DeviceRate) => ({ ...blockDevice(Path, name), rate: Rate }));
  const weights = (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({
    ...blockDevice(Path, 'BlkioWeightDevice'),
    weight: Weight,
  }));
  const found: BlockIoResources = {
    throttleReadBpsDevice: rates('BlkioDeviceReadBps'),
    throttleWriteBpsDevice: rates('BlkioDeviceWriteBps'),
    throttleReadIOPSDevice: rates('BlkioDeviceReadIOps'),
    throttleWriteIOPSDevice: rates('BlkioDeviceWriteIOps'),
    weightDevice: weights,
  };
  for (const [name, list] of Object.entries(found)) if (list.length === 0) delete found[name as keyof BlockIoResources];
  const { BlkioWeight = 0 } = host;
  if (BlkioWeight > 0 && BlkioWeight < 10) throw wrong('BlkioWeight', 'Range of blkio weight is from 10 to 1000');
  return BlkioWeight > 0 ? { ...found, weight: BlkioWeight } : found;
}

function blockDevice(path: string, field: string): { major: number; minor: number } {
  try {
    const facts = statSync(path);
    if (facts.isBlockDevice()) return deviceNumber(facts.rdev);
  } catch (cause) {
    throw new ProaError(`HostConfig.${field}: "${path}"`, { kind: 'invalid', cause });
  }
  throw wrong(field, `"${path}" is no block device`);
}

/** makedev(3). */
export function deviceNumber(rdev: number): { major: number; minor: number } {
  const wide = BigInt(rdev);
  return {
    major: Number(((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n)),
    minor: Number((wide & 0xffn) | ((wide >> 12n) & 0xffffff00n)),
  };
}

/** setrlimit(2); -1 is without limit. */
export function containerLimits({ Ulimits = [] }: HostConfig): Rlimit[] {
  const value = (number: number) => (number === -1 ? 0xffff_ffff_ffff_ffffn : number);
  return Ulimits.map(({ Name, Soft, Hard }) => {
    if (!limitNames.includes(Name)) throw wrong('Ulimits', `invalid ulimit type: ${Name}`);
    if (Hard !== -1 && (Soft === -1 || Soft > Hard))
      throw wrong('Ulimits', `${Name}: ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
    return { type: `RLIMIT_${Name.toUpperCase()}` as Rlimit['type'], soft: value(Soft), hard: value(Hard) };
  });
}

const limitNames =
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack as'.split(' ');

function wrong(field: string, text: string): ProaError {
  return new ProaError(`HostConfig.${field}: ${text}`, { kind: 'invalid' });
}
