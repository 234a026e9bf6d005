import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Resources } from '#common/runtime-spec/types.ts';
import { limitSettings } from './limits.ts';

/** `file = value`, with what stands in for a missing file after `|`. */
function lines(resources: Resources): string[] {
  return limitSettings(resources).map(({ file, value, otherwise }) => {
    const other = otherwise && (otherwise === 'nothing' ? ' | nothing' : ` | ${otherwise.file} = ${otherwise.value}`);
    return `${file} = ${value}${other ?? ''}`;
  });
}

const throttle = (rate: number) => [{ major: 8, minor: 0, rate }];

// What runc writes: opencontainers/cgroups, fs/*.go.
const results: [Resources, string[]][] = [
  [{}, []],
  [{ pids: { limit: 10 } }, ['pids.max = 10']],
  [{ pids: { limit: 0 } }, ['pids.max = 1']],
  [{ pids: { limit: -1 } }, ['pids.max = max']],
  [{ memory: { limit: 0, swap: 0, reservation: 0, disableOOMKiller: false } }, []],
  [
    { memory: { limit: 1000, swap: 3000, reservation: 500 } },
    ['memory.limit_in_bytes = 1000', 'memory.memsw.limit_in_bytes = 3000', 'memory.soft_limit_in_bytes = 500'],
  ],
  [{ memory: { limit: -1 } }, ['memory.limit_in_bytes = -1', 'memory.memsw.limit_in_bytes = -1 | nothing']],
  [{ memory: { limit: -1, swap: 5 } }, ['memory.limit_in_bytes = -1', 'memory.memsw.limit_in_bytes = 5']],
  [
    { memory: { kernel: 5, kernelTCP: 6, swappiness: 0, disableOOMKiller: true } },
    [
      'memory.kmem.limit_in_bytes = 5 | nothing',
      'memory.kmem.tcp.limit_in_bytes = 6 | nothing',
      'memory.oom_control = 1',
      'memory.swappiness = 0',
    ],
  ],
  [
    { cpu: { shares: 512, quota: -1, period: 5000, burst: 0, idle: 0, cpus: '0', mems: '0' } },
    [
      'cpu.shares = 512',
      'cpu.cfs_period_us = 5000',
      'cpu.cfs_quota_us = -1',
      'cpu.cfs_burst_us = 0 | nothing',
      'cpu.idle = 0',
      'cpuset.cpus = 0',
      'cpuset.mems = 0',
    ],
  ],
  [
    { cpu: { realtimeRuntime: 5, realtimePeriod: 50, shares: 0, quota: 0, period: 0 } },
    ['cpu.rt_period_us = 50', 'cpu.rt_runtime_us = 5'],
  ],
  [
    { blockIO: { weight: 100, leafWeight: 200 } },
    ['blkio.weight = 100 | blkio.bfq.weight = 100', 'blkio.leaf_weight = 200'],
  ],
  [
    { blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 100, leafWeight: 200 }] } },
    ['blkio.weight_device = 8:0 100 | blkio.bfq.weight_device = 8:0 100', 'blkio.leaf_weight_device = 8:0 200'],
  ],
  [
    {
      blockIO: {
        throttleReadBpsDevice: throttle(1),
        throttleWriteBpsDevice: throttle(2),
        throttleReadIOPSDevice: throttle(3),
        throttleWriteIOPSDevice: throttle(0),
      },
    },
    [
      'blkio.throttle.read_bps_device = 8:0 1',
      'blkio.throttle.write_bps_device = 8:0 2',
      'blkio.throttle.read_iops_device = 8:0 3',
      'blkio.throttle.write_iops_device = 8:0 0',
    ],
  ],
  [
    { hugepageLimits: [{ pageSize: '1GB', limit: 5 }] },
    ['hugetlb.1GB.limit_in_bytes = 5', 'hugetlb.1GB.rsvd.limit_in_bytes = 5 | nothing'],
  ],
  [
    { network: { classID: 1048577, priorities: [{ name: 'eth0', priority: 5 }] } },
    ['net_cls.classid = 1048577', 'net_prio.ifpriomap = eth0 5'],
  ],
  [{ rdma: { mlx5_1: { hcaObjects: 7 } } }, ['rdma.max = mlx5_1 hca_object=7']],
];

test('version 1: limitSettings() says what runc says', () => {
  for (const [resources, expected] of results) assert.deepEqual(lines(resources), expected, JSON.stringify(expected));
});

test('version 1: limitSettings() refuses shares that the kernel would change', () => {
  assert.throws(() => limitSettings({ cpu: { shares: 1 } }), { message: /the minimum allowed cpu-shares is 2/ });
  assert.throws(() => limitSettings({ cpu: { shares: 262145 } }), {
    message: /the maximum allowed cpu-shares is 262144/,
  });
});
