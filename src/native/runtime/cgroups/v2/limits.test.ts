import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Resources } from '#common/runtime-spec/types.ts';
import { limitSettings, weightFromBlkio, weightFromShares } from './limits.ts';

/** `file = value`, with what stands in for a missing file after `|`. */
function lines(resources: Resources): string[] {
  return limitSettings(resources).map(({ file, value, otherwise }) => {
    const other = otherwise && (otherwise === 'nothing' ? ' | nothing' : ` | ${otherwise.file} = ${otherwise.value}`);
    return `${file} = ${value}${other ?? ''}`;
  });
}

// What runc writes: opencontainers/cgroups, fs2/*.go and utils.go with their tests.
const results: [Resources, string[]][] = [
  [{}, []],
  [{ pids: { limit: 10 } }, ['pids.max = 10']],
  [{ pids: { limit: 0 } }, ['pids.max = 1']],
  [{ pids: { limit: -1 } }, ['pids.max = max']],
  [{ memory: { limit: 0, swap: 0, reservation: 0 } }, []],
  [{ memory: { limit: 1000 } }, ['memory.max = 1000']],
  [{ memory: { limit: 1000, swap: 1000 } }, ['memory.swap.max = 0 | nothing', 'memory.max = 1000']],
  [{ memory: { limit: 1000, swap: 3000 } }, ['memory.swap.max = 2000', 'memory.max = 1000']],
  [{ memory: { limit: 1000, swap: -1 } }, ['memory.swap.max = max | nothing', 'memory.max = 1000']],
  [{ memory: { limit: -1 } }, ['memory.swap.max = max | nothing', 'memory.max = max']],
  [{ memory: { limit: -1, swap: 500 } }, ['memory.swap.max = 500', 'memory.max = max']],
  [{ memory: { limit: 2, swap: 9007199254740993n } }, ['memory.swap.max = 9007199254740991', 'memory.max = 2']],
  [{ memory: { reservation: 500, kernel: 5, kernelTCP: 5 } }, ['memory.low = 500']],
  [{ cpu: { shares: 1024 } }, ['cpu.weight = 100']],
  [{ cpu: { quota: 5000 } }, ['cpu.max = 5000 100000']],
  [{ cpu: { quota: 5000, period: 20000 } }, ['cpu.max = 5000 20000']],
  [{ cpu: { quota: -1, period: 20000 } }, ['cpu.max = max 20000']],
  [{ cpu: { period: 20000 } }, ['cpu.max = max 20000']],
  [{ cpu: { quota: 0, period: 0, shares: 0 } }, []],
  [{ cpu: { idle: 1, burst: 0 } }, ['cpu.idle = 1', 'cpu.max.burst = 0']],
  [{ cpu: { cpus: '0-3', mems: '0' } }, ['cpuset.cpus = 0-3', 'cpuset.mems = 0']],
  [{ blockIO: { weight: 500 } }, ['io.bfq.weight = 500 | io.weight = 4950']],
  [{ blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 10 }] } }, ['io.bfq.weight = 8:0 10 | io.weight = 8:0 1']],
  [
    {
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 0 }],
        throttleReadIOPSDevice: [{ major: 8, minor: 16, rate: 3 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 4 }],
      },
    },
    ['io.max = 8:0 rbps=1024', 'io.max = 8:0 wbps=max', 'io.max = 8:16 riops=3', 'io.max = 8:16 wiops=4'],
  ],
  [
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    ['hugetlb.2MB.max = 4194304', 'hugetlb.2MB.rsvd.max = 4194304 | nothing'],
  ],
  [{ rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } } }, ['rdma.max = mlx5_1 hca_handle=3 hca_object=10000']],
  [
    { unified: { 'memory.high': '1000', 'io.max': '8:0 rbps=1\n8:16 rbps=2' } },
    ['memory.high = 1000', 'io.max = 8:0 rbps=1', 'io.max = 8:16 rbps=2'],
  ],
];

test('version 2: limitSettings() converts as runc does', () => {
  for (const [resources, expected] of results) assert.deepEqual(lines(resources), expected, JSON.stringify(expected));
});

test('version 2: limitSettings() refuses what has no counterpart, naming it', () => {
  const refused: [Resources, RegExp][] = [
    [{ memory: { swappiness: 10 } }, /linux\.resources\.memory\.swappiness:/],
    [{ memory: { disableOOMKiller: true } }, /linux\.resources\.memory\.disableOOMKiller:/],
    [{ cpu: { realtimeRuntime: 1 } }, /linux\.resources\.cpu\.realtimeRuntime:/],
    [{ cpu: { realtimePeriod: 1 } }, /linux\.resources\.cpu\.realtimePeriod:/],
    [{ blockIO: { leafWeight: 10 } }, /linux\.resources\.blockIO\.leafWeight:/],
    [
      { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] } },
      /blockIO\.weightDevice\[0\]\.leafWeight:/,
    ],
    [{ network: { classID: 1 } }, /linux\.resources\.network\.classID:/],
    [{ network: { priorities: [{ name: 'lo', priority: 1 }] } }, /linux\.resources\.network\.priorities:/],
  ];
  for (const [resources, message] of refused)
    assert.throws(() => limitSettings(resources), { kind: 'unsupported', message });
  assert.deepEqual(lines({ memory: { disableOOMKiller: false }, network: { classID: 0, priorities: [] } }), []);
});

test('version 2: limitSettings() refuses swap without memory, and below it', () => {
  assert.throws(() => limitSettings({ memory: { swap: 5 } }), {
    kind: 'invalid',
    message: /memory\.swap: it includes/,
  });
  assert.throws(() => limitSettings({ memory: { swap: 5, limit: 6 } }), { kind: 'invalid', message: /at least/ });
});

test('weightFromShares() follows the curve of runc', () => {
  const known: [number, number][] = [
    [1, 1],
    [2, 1],
    [3, 2],
    [1024, 100],
    [262_143, 10_000],
    [262_144, 10_000],
    [262_145, 10_000],
  ];
  for (const [shares, weight] of known) assert.equal(weightFromShares(shares), weight, `${shares}`);
});

test('weightFromBlkio() stretches 10..1000 to 1..10000', () => {
  for (const [from, to] of [
    [10, 1],
    [500, 4950],
    [1000, 10_000],
  ] as const)
    assert.equal(weightFromBlkio(from), to);
});
