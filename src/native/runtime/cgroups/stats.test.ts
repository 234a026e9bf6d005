import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statsOf as statsOfV1 } from './v1/stats.ts';
import { statsOf as statsOfV2 } from './v2/stats.ts';

const reader = (files: Record<string, string>) => (file: string) =>
  Object.hasOwn(files, file) ? files[file] : undefined;

test('version 1: statsOf() reads processors, memory, processes, disks and huge pages', () => {
  const stats = statsOfV1(
    reader({
      'cpuacct.usage': '4359397\n',
      'cpuacct.stat': 'user 3\nsystem 5\n',
      'cpuacct.usage_percpu': '4359397 0 \n',
      'cpuacct.usage_all': 'cpu user system\n0 7 8\n1 0 0\n',
      'cpu.stat': 'nr_periods 2\nnr_throttled 0\nthrottled_time 0\n',
      'cpuset.cpus': '0-2,7\n',
      'cpuset.sched_relax_domain_level': '-1\n',
      'memory.stat': 'cache 10\nrss 0\n',
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.usage_in_bytes': '5\n',
      'memory.failcnt': '0\n',
      'pids.current': '3\n',
      'pids.max': 'max\n',
      'blkio.throttle.io_serviced_recursive': '8:0 Read 4\n8:0 Total 4\nTotal 4\n',
      'hugetlb.2MB.usage_in_bytes': '0\n',
      'hugetlb.2MB.failcnt': '1\n',
    }),
    ['2MB', '1GB'],
  );
  assert.deepEqual(stats.cpu, {
    usage: {
      total: 4359397,
      percpu: [4359397, 0],
      percpu_kernel: [8, 0],
      percpu_user: [7, 0],
      kernel: 50_000_000,
      user: 30_000_000,
    },
    throttling: { periods: 2 },
  });
  assert.deepEqual(stats.cpuset['cpus'], [0, 1, 2, 7]);
  assert.equal(stats.cpuset['sched_relax_domain_level'], -1);
  assert.deepEqual(stats.memory, {
    cache: 10,
    usage: { limit: 9223372036854771712n, usage: 5, failcnt: 0 },
    raw: { cache: 10, rss: 0 },
  });
  assert.deepEqual(stats.pids, { current: 3 });
  assert.deepEqual(stats.blkio, {
    ioServicedRecursive: [
      { major: 8, op: 'Read', value: 4 },
      { major: 8, op: 'Total', value: 4 },
    ],
  });
  assert.deepEqual(stats.hugetlb, { '2MB': { failcnt: 1 } });
});

test('version 2: statsOf() answers in the words of version 1', () => {
  const stats = statsOfV2(
    reader({
      'cpu.stat': 'usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 0\nnr_throttled 0\nthrottled_usec 4\n',
      'cpu.pressure':
        'some avg10=0.00 avg60=1.50 avg300=0.00 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      'memory.stat': 'anon 1\nfile 2\n',
      'memory.current': '100\n',
      'memory.max': '1000\n',
      'memory.peak': '200\n',
      'memory.swap.current': '10\n',
      'memory.swap.max': 'max\n',
      'pids.current': '1\n',
      'pids.max': '50\n',
      'io.stat': '8:0 rbytes=1 wbytes=0 rios=3 wios=4 dbytes=0 dios=0\n',
      'hugetlb.2MB.rsvd.current': '5\n',
      'hugetlb.2MB.events': 'max 2\n',
    }),
    ['2MB'],
  );
  assert.deepEqual(stats.cpu, {
    usage: { total: 30_000, kernel: 20_000, user: 10_000 },
    throttling: { throttledTime: 4000 },
    psi: { some: { avg10: 0, avg60: 1.5, avg300: 0, total: 7 } },
  });
  assert.deepEqual(stats.memory, {
    cache: 2,
    usage: { limit: 1000, usage: 100, max: 200, failcnt: 0 },
    swap: { limit: 18446744073709551615n, usage: 110, failcnt: 0 },
    raw: { anon: 1, file: 2 },
  });
  assert.deepEqual(stats.pids, { current: 1, limit: 50 });
  assert.deepEqual(stats.blkio, {
    ioServiceBytesRecursive: [
      { major: 8, op: 'Read', value: 1 },
      { major: 8, op: 'Write' },
    ],
    ioServicedRecursive: [
      { major: 8, op: 'Read', value: 3 },
      { major: 8, op: 'Write', value: 4 },
    ],
  });
  assert.deepEqual(stats.hugetlb, { '2MB': { usage: 5, failcnt: 2 } });
});
