import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerLimits, containerResources } from './resources.ts';

test('containerResources() means what Docker means', () => {
  const { memory, cpu, pids } = containerResources({ Memory: 64 << 20, NanoCpus: 5e8, PidsLimit: 20, CpuShares: 512 });
  assert.deepEqual(memory, { limit: 64 << 20, swap: 128 << 20 });
  assert.deepEqual(cpu, { shares: 512, period: 100_000, quota: 50_000 });
  assert.deepEqual(pids, { limit: 20 });
  assert.equal(containerResources({ Memory: 64 << 20, MemorySwap: -1 }).memory?.swap, -1);
  assert.equal(containerResources({ PidsLimit: 0 }).pids, undefined);
});

test('containerResources() refuses limits that contradict each other, naming the field', () => {
  const wrong: [object, RegExp][] = [
    [{ Memory: 1000 }, /HostConfig\.Memory: Minimum memory limit/],
    [{ MemorySwap: 1 << 30 }, /HostConfig\.MemorySwap: You should always set the Memory limit/],
    [{ Memory: 64 << 20, MemorySwap: 32 << 20 }, /HostConfig\.MemorySwap/],
    [{ Memory: 64 << 20, MemoryReservation: 65 << 20 }, /HostConfig\.MemoryReservation/],
    [{ NanoCpus: 1e9, CpuQuota: 1000 }, /HostConfig\.NanoCpus: Conflicting options/],
    [{ NanoCpus: 1e15 }, /HostConfig\.NanoCpus: Range of CPUs/],
    [{ CpuPeriod: 10 }, /HostConfig\.CpuPeriod/],
    [{ BlkioWeight: 5 }, /HostConfig\.BlkioWeight/],
    [
      { BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1 }] },
      /HostConfig\.BlkioDeviceReadBps: "\/dev\/null" is no block device/,
    ],
    [{ Devices: [{ PathOnHost: '/nowhere' }] }, /HostConfig\.Devices: .*"\/nowhere"/],
  ];
  for (const [host, message] of wrong) assert.throws(() => containerResources(host), message);
});

test('containerLimits() knows the limits by name; -1 is none', () => {
  assert.deepEqual(containerLimits({ Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }] }), [
    { type: 'RLIMIT_NOFILE', soft: 10, hard: 20 },
  ]);
  assert.equal(containerLimits({ Ulimits: [{ Name: 'core', Soft: -1, Hard: -1 }] })[0]?.hard, 0xffff_ffff_ffff_ffffn);
  assert.throws(() => containerLimits({ Ulimits: [{ Name: 'luck', Soft: 1, Hard: 1 }] }), /invalid ulimit type: luck/);
  assert.throws(() => containerLimits({ Ulimits: [{ Name: 'nofile', Soft: 2, Hard: 1 }] }), /soft limit/);
});
