import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type {
  BlockIoResources,
  CpuResources,
  HugepageLimit,
  MemoryResources,
  NetworkResources,
  Resources,
} from '#common/runtime-spec/types.ts';
import { type CgroupRecord, directoryOf } from '../record.ts';
import { applySettings, numberSetting, pidsMaximum, rdmaSettings, type Setting, setting } from '../settings.ts';
import type * as v2 from '../v2/limits.ts';

const v2Part = lazy<typeof v2>('cgroups-v2-limits');

/** Sets limits; what `resources` does not name stays as it is. */
export function applyLimits(record: CgroupRecord, resources: Resources): void {
  const { hugepageLimits, unified, ...rest } = resources;
  const { unified: directory, hugetlb } = record.directories;
  if (unified && !directory) {
    throw new ProaError('linux.resources.unified: this host has no cgroup version 2', {
      kind: 'unsupported',
      remedy: 'Use the fields of version 1, or boot the host with cgroup version 2',
    });
  }
  // On hybrid hosts the controller of huge pages may be in either version.
  const hugepagesInUnified = hugepageLimits && directory && !hugetlb;
  const own = hugepageLimits && !hugepagesInUnified ? { ...rest, hugepageLimits } : rest;
  applySettings(limitSettings(own), (controller) => directoryOf(record, controller));
  if (unified) applySettings(v2Part().unifiedSettings(unified), () => directory);
  if (hugepagesInUnified) applySettings(v2Part().hugepageSettings(hugepageLimits), () => directory);
}

/** What version 1 hierarchies are told for `resources`, but devices: config-linux.md, "Control groups". */
export function limitSettings({ memory, cpu, pids, blockIO, hugepageLimits, network, rdma }: Resources): Setting[] {
  const settings: Setting[] = [];
  if (cpu) settings.push(...cpuSettings(cpu));
  if (memory) settings.push(...memorySettings(memory));
  if (pids?.limit !== undefined) settings.push(setting('pids.limit', 'pids.max', pidsMaximum(pids.limit)));
  if (blockIO) settings.push(...blockIoSettings(blockIO));
  if (hugepageLimits) settings.push(...hugepageSettings(hugepageLimits));
  if (network) settings.push(...networkSettings(network));
  if (rdma) settings.push(...rdmaSettings(rdma));
  return settings;
}

function memorySettings(memory: MemoryResources): Setting[] {
  const { limit, reservation, swap, kernel, kernelTCP, swappiness, disableOOMKiller } = memory;
  const settings = numberSetting('memory.limit', 'memory.limit_in_bytes', limit);
  const swapFile = 'memory.memsw.limit_in_bytes';
  // Memory without limit would still be held by an old limit of both together.
  if (limit === -1 && !swap) settings.push(setting('memory.limit', swapFile, '-1', 'nothing'));
  settings.push(
    ...numberSetting('memory.swap', swapFile, swap),
    ...numberSetting('memory.reservation', 'memory.soft_limit_in_bytes', reservation),
    ...numberSetting('memory.kernel', 'memory.kmem.limit_in_bytes', kernel, 'nothing'),
    ...numberSetting('memory.kernelTCP', 'memory.kmem.tcp.limit_in_bytes', kernelTCP, 'nothing'),
  );
  if (disableOOMKiller) settings.push(setting('memory.disableOOMKiller', 'memory.oom_control', '1'));
  if (swappiness !== undefined) settings.push(setting('memory.swappiness', 'memory.swappiness', String(swappiness)));
  return settings;
}

const SHARES_MINIMUM = 2;
const SHARES_MAXIMUM = 1 << 18;

function cpuSettings(cpu: CpuResources): Setting[] {
  const { shares, quota, burst, period, realtimeRuntime, realtimePeriod, cpus, mems, idle } = cpu;
  // The kernel would silently take the nearest value: sched_group_set_shares(). The words are runc's, callers look for them.
  if (shares && shares < SHARES_MINIMUM) throw sharesError('minimum', SHARES_MINIMUM);
  if (shares && shares > SHARES_MAXIMUM) throw sharesError('maximum', SHARES_MAXIMUM);
  const settings = [
    ...numberSetting('cpu.shares', 'cpu.shares', shares),
    ...numberSetting('cpu.period', 'cpu.cfs_period_us', period),
    ...numberSetting('cpu.quota', 'cpu.cfs_quota_us', quota),
  ];
  if (burst !== undefined) settings.push(setting('cpu.burst', 'cpu.cfs_burst_us', String(burst), 'nothing'));
  if (idle !== undefined) settings.push(setting('cpu.idle', 'cpu.idle', String(idle)));
  settings.push(
    ...numberSetting('cpu.realtimePeriod', 'cpu.rt_period_us', realtimePeriod),
    ...numberSetting('cpu.realtimeRuntime', 'cpu.rt_runtime_us', realtimeRuntime),
  );
  if (cpus) settings.push(setting('cpu.cpus', 'cpuset.cpus', cpus));
  if (mems) settings.push(setting('cpu.mems', 'cpuset.mems', mems));
  return settings;
}

function sharesError(which: string, bound: number): ProaError {
  return new ProaError(`linux.resources.cpu.shares: the ${which} allowed cpu-shares is ${bound}`, { kind: 'invalid' });
}

/** Files of the CFQ scheduler, gone since Linux 5.0, and what BFQ has in place of the first two. */
function blockIoSettings(blockIO: BlockIoResources): Setting[] {
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  const either = (field: string, file: string, value: string) =>
    setting(field, `blkio.${file}`, value, { file: `blkio.bfq.${file}`, value });
  const settings: Setting[] = [];
  if (weight) settings.push(either('blockIO.weight', 'weight', String(weight)));
  settings.push(...numberSetting('blockIO.leafWeight', 'blkio.leaf_weight', leafWeight));
  weightDevice.forEach((device, index) => {
    const field = `blockIO.weightDevice[${index}]`;
    const place = `${device.major}:${device.minor}`;
    if (device.weight) settings.push(either(field, 'weight_device', `${place} ${device.weight}`));
    if (device.leafWeight) settings.push(setting(field, 'blkio.leaf_weight_device', `${place} ${device.leafWeight}`));
  });
  for (const [list, file] of throttles) {
    for (const [index, { major, minor, rate }] of (blockIO[list] ?? []).entries())
      settings.push(setting(`blockIO.${list}[${index}]`, `blkio.throttle.${file}`, `${major}:${minor} ${rate}`));
  }
  return settings;
}

const throttles = [
  ['throttleReadBpsDevice', 'read_bps_device'],
  ['throttleWriteBpsDevice', 'write_bps_device'],
  ['throttleReadIOPSDevice', 'read_iops_device'],
  ['throttleWriteIOPSDevice', 'write_iops_device'],
] as const;

/** Both what may be used and what may be reserved; the latter came with Linux 5.7. */
function hugepageSettings(limits: readonly HugepageLimit[]): Setting[] {
  return limits.flatMap(({ pageSize, limit }, index) => {
    const field = `hugepageLimits[${index}]`;
    return [
      setting(field, `hugetlb.${pageSize}.limit_in_bytes`, String(limit)),
      setting(field, `hugetlb.${pageSize}.rsvd.limit_in_bytes`, String(limit), 'nothing'),
    ];
  });
}

function networkSettings({ classID, priorities = [] }: NetworkResources): Setting[] {
  return [
    ...numberSetting('network.classID', 'net_cls.classid', classID),
    ...priorities.map(({ name, priority }, index) =>
      setting(`network.priorities[${index}]`, 'net_prio.ifpriomap', `${name} ${priority}`),
    ),
  ];
}
