import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import type { CgroupStats, InterfaceStats } from '#common/protocol/stats.ts';
import { machineUse, type Sample } from '../sample.ts';
import { statsView } from './stats.ts';

const container = { id: 'a'.repeat(64), name: 'web' };
const UNLIMITED = (1n << 64n) - 1n;

function interfaceStats(name: string): InterfaceStats {
  const received = { receivedBytes: 1, receivedPackets: 2, receivedErrors: 3, receivedDropped: 4 };
  return { name, ...received, sentBytes: 5, sentPackets: 6, sentErrors: 7, sentDropped: 8 };
}

function sample(cgroups: Partial<CgroupStats>, more: Partial<Sample> = {}): Sample {
  const none = { cpu: {}, cpuset: {}, memory: {}, pids: {}, blkio: {}, hugetlb: {}, intel_rdt: {} };
  return {
    container: {
      at: '2026-01-02T03:04:05.678901234Z',
      cgroups: { ...none, network_interfaces: null, ...cgroups },
      interfaces: [interfaceStats('lo'), interfaceStats('eth0')],
    },
    machine: { nanoseconds: 5e9, processors: 2 },
    machineNetwork: false,
    ...more,
  };
}

test('statsView() of version 1 has what is counted there alone', () => {
  const view = statsView({
    container,
    sample: sample({
      cpu: { usage: { total: 9, percpu: [4, 5], kernel: 1, user: 8 }, throttling: { throttledTime: 3 } },
      memory: { usage: { limit: 100, usage: 50, max: 60, failcnt: 7 }, raw: { cache: 20 } },
      blkio: { ioServicedRecursive: [{ major: 8, op: 'Read', value: 2 }] },
    }),
    before: undefined,
    cgroupVersion: 1,
  });
  assert.deepEqual(view.cpu_stats, {
    cpu_usage: { total_usage: 9, percpu_usage: [4, 5], usage_in_kernelmode: 1, usage_in_usermode: 8 },
    system_cpu_usage: 5e9,
    online_cpus: 2,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 3 },
  });
  assert.deepEqual(view.memory_stats, { usage: 50, max_usage: 60, failcnt: 7, stats: { cache: 20 }, limit: 100 });
  assert.deepEqual(view.blkio_stats['io_serviced_recursive'], [{ major: 8, minor: 0, op: 'Read', value: 2 }]);
  assert.deepEqual(view.blkio_stats['sectors_recursive'], []);
  assert.equal(view.preread, '0001-01-01T00:00:00Z');
});

test('statsView() of version 2 has the bytes of disks alone, and the machine’s memory for no limit', () => {
  const blocks = [{ major: 8, minor: 1, op: 'Write', value: 4096 }];
  const view = statsView({
    container,
    sample: sample({
      memory: { usage: { limit: UNLIMITED, usage: 50, failcnt: 0 }, raw: { inactive_file: 20 } },
      blkio: { ioServiceBytesRecursive: blocks, ioServicedRecursive: blocks, psi: {} },
    }),
    before: sample({ cpu: { usage: { total: 4, kernel: 1, user: 3 } } }),
    cgroupVersion: 2,
  });
  assert.deepEqual(view.memory_stats, { usage: 50, stats: { inactive_file: 20 }, limit: totalmem() });
  assert.deepEqual(view.blkio_stats['io_service_bytes_recursive'], [{ major: 8, minor: 1, op: 'write', value: 4096 }]);
  assert.equal(view.blkio_stats['io_serviced_recursive'], null);
  assert.equal(view.precpu_stats.cpu_usage.total_usage, 4);
  assert.equal(view.preread, '2026-01-02T03:04:05.678901234Z');
});

test('statsView() has the interfaces of a network of its own, without the loopback device', () => {
  const of = (sample: Sample | undefined) => statsView({ container, sample, before: undefined, cgroupVersion: 2 });
  const fields = { rx_bytes: 1, rx_packets: 2, rx_errors: 3, rx_dropped: 4 };
  const eth0 = { ...fields, tx_bytes: 5, tx_packets: 6, tx_errors: 7, tx_dropped: 8 };
  assert.deepEqual(of(sample({})), { ...of(sample({})), networks: { eth0 } });
  assert.ok(!('networks' in of(sample({}, { machineNetwork: true }))));
  assert.ok(!('networks' in of(undefined)));
});

test('machineUse() adds up what /proc/stat says of all processors, without guests', () => {
  const text = 'cpu  1 2 3 4 5 6 7 8 100 100\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 5\n';
  assert.deepEqual(machineUse(text), { nanoseconds: 36e7, processors: 2 });
});
