import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Resources } from '#common/runtime-spec/types.ts';
import {
  container,
  makeBundle,
  newId,
  runtime,
  runtimePath,
  runtimeRoot,
  runtimeWith,
  type TestConfig,
} from './support/container.ts';

const ROOT = '/sys/fs/cgroup';
const version1 = !existsSync(`${ROOT}/cgroup.controllers`);
const onVersion1 = { skip: version1 ? false : 'this host has cgroup version 2' };
const prefix = 'cg';

const cgroupFile = (id: string, file: string) => `${ROOT}/${file.slice(0, file.indexOf('.'))}/${id}/${file}`;
const contentOf = (id: string, file: string) => readFileSync(cgroupFile(id, file), 'utf8').trim();

function withResources(resources: Resources) {
  return (config: TestConfig) => {
    config.linux.resources = { ...config.linux.resources, ...resources };
  };
}

/** On hybrid hosts, where huge pages may be in either version: the file of version 2 that says the same. */
function inUnified(id: string, file: string): string {
  return `${ROOT}/unified/${id}/${file.replace('.limit_in_bytes', '.max')}`;
}

/** What remains of a container in any hierarchy. */
function remainders(id: string): string[] {
  return readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, id)));
}

const disk = () => {
  const line = readFileSync('/proc/partitions', 'utf8')
    .split('\n')
    .find((row) => /^\s+\d/.test(row) && !/ (loop|ram)/.test(row));
  const [major = '8', minor = '0'] = (line ?? '').trim().split(/\s+/);
  return { major: Number(major), minor: Number(minor) };
};
const { major, minor } = disk();
const throttle = [{ major, minor, rate: 1048576 }];

/** Field, resources that ask for it, the file that shows it, what stands there. */
const visible: [string, Resources, string, string][] = [
  ['memory.limit', { memory: { limit: 67108864 } }, 'memory.limit_in_bytes', '67108864'],
  ['memory.swap', { memory: { limit: 67108864, swap: 134217728 } }, 'memory.memsw.limit_in_bytes', '134217728'],
  ['memory.reservation', { memory: { reservation: 33554432 } }, 'memory.soft_limit_in_bytes', '33554432'],
  ['memory.swappiness', { memory: { swappiness: 10 } }, 'memory.swappiness', '10'],
  ['cpu.shares', { cpu: { shares: 512 } }, 'cpu.shares', '512'],
  ['cpu.quota', { cpu: { quota: 50000, period: 200000 } }, 'cpu.cfs_quota_us', '50000'],
  ['cpu.period', { cpu: { quota: 50000, period: 200000 } }, 'cpu.cfs_period_us', '200000'],
  ['cpu.burst', { cpu: { quota: 50000, burst: 1000 } }, 'cpu.cfs_burst_us', '1000'],
  ['cpu.idle', { cpu: { idle: 1 } }, 'cpu.idle', '1'],
  ['cpu.cpus', { cpu: { cpus: '0' } }, 'cpuset.cpus', '0'],
  ['cpu.mems', { cpu: { mems: '0' } }, 'cpuset.mems', '0'],
  ['pids.limit', { pids: { limit: 50 } }, 'pids.max', '50'],
  ['blockIO.weight', { blockIO: { weight: 200 } }, 'blkio.bfq.weight', '200'],
  ['blockIO.leafWeight', { blockIO: { leafWeight: 200 } }, 'blkio.leaf_weight', '200'],
  [
    'blockIO.throttleReadBpsDevice[0]',
    { blockIO: { throttleReadBpsDevice: throttle } },
    'blkio.throttle.read_bps_device',
    `${major}:${minor} 1048576`,
  ],
  [
    'blockIO.throttleWriteBpsDevice[0]',
    { blockIO: { throttleWriteBpsDevice: throttle } },
    'blkio.throttle.write_bps_device',
    `${major}:${minor} 1048576`,
  ],
  [
    'blockIO.throttleReadIOPSDevice[0]',
    { blockIO: { throttleReadIOPSDevice: throttle } },
    'blkio.throttle.read_iops_device',
    `${major}:${minor} 1048576`,
  ],
  [
    'blockIO.throttleWriteIOPSDevice[0]',
    { blockIO: { throttleWriteIOPSDevice: throttle } },
    'blkio.throttle.write_iops_device',
    `${major}:${minor} 1048576`,
  ],
  [
    'hugepageLimits[0]',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    'hugetlb.2MB.limit_in_bytes',
    '4194304',
  ],
  [
    'hugepageLimits[0]',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    'hugetlb.2MB.rsvd.limit_in_bytes',
    '4194304',
  ],
  ['network.classID', { network: { classID: 1048577 } }, 'net_cls.classid', '1048577'],
  ['network.priorities[0]', { network: { priorities: [{ name: 'lo', priority: 5 }] } }, 'net_prio.ifpriomap', 'lo 5'],
  ['rdma["mlx5_1"]', { rdma: { mlx5_1: { hcaHandles: 3 } } }, 'rdma.max', 'mlx5_1 hca_handle=3'],
];

for (const [field, resources, file, value] of visible) {
  test(`linux.resources.${field} is set in ${file}, or refused by name`, onVersion1, () => {
    using bundle = makeBundle({ config: withResources(resources) });
    const id = newId(prefix);
    const { status, stderr } = runtime('create', '--bundle', bundle.path, id);
    try {
      const unified = inUnified(id, file);
      if (status === 0)
        assert.equal(existsSync(unified) ? readFileSync(unified, 'utf8').trim() : contentOf(id, file), value);
      else {
        assert.ok(stderr.includes(`linux.resources.${field}: `), stderr);
        assert.match(stderr, /is not available|this kernel has no/);
        assert.ok(!existsSync(`${ROOT}/${file.split('.')[0]}/${file}`), `${file} is there`);
        assert.equal(existsSync(join(runtimeRoot, id)), false);
      }
    } finally {
      runtime('delete', '--force', id);
    }
    assert.deepEqual(remainders(id), []);
  });
}

test('a start that the memory limit has no room for says so, however small that is', onVersion1, () => {
  for (const limit of [1, 4096]) {
    using bundle = makeBundle({ args: ['true'], config: withResources({ memory: { limit } }) });
    const { status, stderr } = runtime('run', '--bundle', bundle.path, newId(prefix));
    assert.equal(status, 1);
    assert.match(
      stderr,
      /the memory limit is too low for it to start\n {2}try {2}Raise linux\.resources\.memory\.limit/,
    );
  }
});

test('linux.resources.memory.disableOOMKiller switches the killer off', onVersion1, () => {
  using made = container({ prefix, config: withResources({ memory: { limit: 67108864, disableOOMKiller: true } }) });
  assert.match(contentOf(made.id, 'memory.oom_control'), /oom_kill_disable 1/);
});

test('linux.resources.unified is refused where its controller is in version 1', onVersion1, () => {
  using bundle = makeBundle({ config: withResources({ unified: { 'memory.high': '1000' } }) });
  const { status, stderr } = runtime('run', '--bundle', bundle.path, newId(prefix));
  assert.notEqual(status, 0);
  assert.match(stderr, /linux\.resources\.unified/);
});

test('a cpuset takes what its parent has, level by level', onVersion1, () => {
  const parent = newId(prefix);
  using bundle = makeBundle({
    config: (config) => {
      config.linux.cgroupsPath = `/${parent}/middle/own`;
    },
  });
  const id = newId(prefix);
  try {
    assert.equal(runtime('create', '--bundle', bundle.path, id).status, 0);
    for (const path of [parent, `${parent}/middle`, `${parent}/middle/own`]) {
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        assert.equal(contentOf(path, file), readFileSync(`${ROOT}/cpuset/${file}`, 'utf8').trim());
    }
  } finally {
    runtime('delete', '--force', id);
    for (const name of remainders(parent)) {
      rmdirSync(join(ROOT, name, parent, 'middle'));
      rmdirSync(join(ROOT, name, parent));
    }
  }
});

const defaultDevices = [
  'b *:* m',
  'c *:* m',
  'c 10:200 rwm',
  'c 136:* rwm',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7 rwm',
  'c 1:8 rwm',
  'c 1:9 rwm',
  'c 5:0 rwm',
  'c 5:2 rwm',
];
const listedDevices = (id: string) => contentOf(id, 'devices.list').split('\n').sort();

test('every container gets the default device rules', onVersion1, () => {
  using bare = container({
    prefix,
    config: (config) => {
      delete config.linux.resources;
    },
  });
  using usual = container({ prefix });
  assert.deepEqual(listedDevices(bare.id), defaultDevices);
  assert.deepEqual(listedDevices(usual.id), defaultDevices);
});

test('device rules add to the default ones, or allow all', onVersion1, () => {
  const deny = { allow: false, access: 'rwm' };
  using one = container({
    prefix,
    config: withResources({ devices: [deny, { allow: true, type: 'b', major: 240, access: 'rw' }] }),
  });
  assert.deepEqual(listedDevices(one.id), [...defaultDevices, 'b 240:* rw'].sort());
  using all = container({ prefix, config: withResources({ devices: [deny, { allow: true, access: 'rwm' }] }) });
  assert.deepEqual(listedDevices(all.id), ['a *:* rwm']);
});

test('a device that is allowed opens, and one that is not gives EPERM', () => {
  // Nothing drives major 240: what gets past the rules fails with ENXIO.
  const attempt = (name: string, number: string) => `mknod /dev/${name} c 240 ${number}; dd if=/dev/${name} count=0`;
  using bundle = makeBundle({
    args: ['sh', '-c', `dd if=/dev/zero of=/dev/null count=1; ${attempt('yes', '7')}; ${attempt('no', '8')}; true`],
    config: (config) => {
      for (const set of ['bounding', 'effective', 'permitted'] as const)
        config.process.capabilities?.[set]?.push('CAP_MKNOD');
      config.linux.resources = {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 240, minor: 7, access: 'r' },
        ],
      };
    },
  });
  const { stderr } = runtime('run', '--bundle', bundle.path, newId(prefix));
  assert.match(stderr, /1\+0 records out/);
  assert.match(stderr, /'\/dev\/yes': No such device or address/);
  assert.match(stderr, /'\/dev\/no': Operation not permitted/);
});

test('update changes limits up and down, and remembers them', onVersion1, () => {
  using made = container({ prefix, config: withResources({ memory: { limit: 67108864, swap: 134217728 } }) });
  const { id } = made;
  const update = (...options: string[]) => {
    const { status, stderr } = runtime('update', ...options, id);
    assert.equal(status, 0, stderr);
  };
  update('--memory', '256m', '--memory-swap', '512m', '--pids-limit', '20', '--cpu-share', '100');
  assert.equal(contentOf(id, 'memory.limit_in_bytes'), String(256 << 20));
  assert.equal(contentOf(id, 'memory.memsw.limit_in_bytes'), String(512 << 20));
  assert.equal(contentOf(id, 'pids.max'), '20');
  assert.equal(contentOf(id, 'cpu.shares'), '100');
  update('--memory', '32m', '--memory-swap', '48m', '--pids-limit', '-1');
  assert.equal(contentOf(id, 'memory.memsw.limit_in_bytes'), String(48 << 20));
  assert.equal(contentOf(id, 'pids.max'), 'max');
  const resources = { cpu: { quota: 30000, period: 60000 }, memory: { limit: -1 }, devices: [{ allow: true }] };
  assert.equal(runtimeWith({ input: JSON.stringify(resources) }, 'update', '--resources', '-', id).status, 0);
  assert.equal(contentOf(id, 'cpu.cfs_quota_us'), '30000');
  assert.equal(contentOf(id, 'memory.limit_in_bytes'), contentOf('', 'memory.limit_in_bytes'));
  assert.deepEqual(listedDevices(id), defaultDevices);
  const kept = JSON.parse(readFileSync(join(runtimeRoot, id, 'config.json'), 'utf8')) as TestConfig;
  assert.deepEqual(kept.linux.resources, {
    devices: [{ allow: false, access: 'rwm' }],
    memory: { limit: -1 },
    pids: { limit: -1 },
    cpu: { shares: 100, quota: 30000, period: 60000 },
  });
});

test('update refuses what is wrong, and puts back what it had changed', onVersion1, () => {
  using made = container({ prefix, config: withResources({ pids: { limit: 30 }, memory: { limit: 67108864 } }) });
  const { id } = made;
  const refused = (pattern: RegExp, input: Resources) => {
    const { status, stderr } = runtimeWith({ input: JSON.stringify(input) }, 'update', '--resources', '-', id);
    assert.notEqual(status, 0);
    assert.match(stderr, pattern);
  };
  refused(/linux\.resources\.cpu\.cpus/, { memory: { limit: 33554432 }, cpu: { cpus: '4000' } });
  assert.equal(contentOf(id, 'memory.limit_in_bytes'), '67108864');
  refused(/resources\.pids\.limit/, { pids: { limit: 'many' as never } });
  refused(/memory\.limit: rejecting 4096/, { memory: { limit: 4096, checkBeforeUpdate: true } });
  assert.equal(contentOf(id, 'pids.max'), '30');
  assert.match(runtime('update', '--l3-cache-schema', 'L3:0=f', id).stderr, /intelRdt is not supported/);
  assert.match(runtime('update', '--memory', '1x', id).stderr, /option --memory/);
});

const statusOf = (id: string) => (JSON.parse(runtime('state', id).stdout) as { status: string }).status;

test('pause stops a container, resume lets it go on', () => {
  using made = container({ prefix });
  const { id } = made;
  assert.match(runtime('resume', id).stderr, /container not paused/);
  assert.equal(runtime('pause', id).status, 0);
  assert.equal(statusOf(id), 'paused');
  assert.match(runtime('pause', id).stderr, /container not running/);
  assert.equal(runtime('resume', id).status, 0);
  assert.equal(statusOf(id), 'running');
  assert.match(runtime('pause', 'nobody').stderr, /container "nobody" does not exist/);
});

interface Event {
  type: string;
  id: string;
  data: { cpu: { usage: { total: number } }; memory: { usage: { limit: number } }; pids: Record<string, number> };
}

test('events --stats prints one line of statistics', () => {
  using made = container({ prefix, config: withResources({ memory: { limit: 67108864 }, pids: { limit: 9 } }) });
  const { status, stdout } = runtime('events', '--stats', made.id);
  assert.equal(status, 0);
  const { type, id, data } = JSON.parse(stdout) as Event;
  assert.equal(type, 'stats');
  assert.equal(id, made.id);
  assert.deepEqual(Object.keys(data).sort(), [
    'blkio',
    'cpu',
    'cpuset',
    'hugetlb',
    'intel_rdt',
    'memory',
    'network_interfaces',
    'pids',
  ]);
  assert.deepEqual(data.pids, { current: 1, limit: 9 });
  assert.equal(data.memory.usage.limit, 67108864);
  assert.ok(data.cpu.usage.total > 0);
});

test('events tells when memory runs out, and ends with the container', async () => {
  using made = container({
    prefix,
    args: ['sh', '-c', 'sleep 1; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 1'],
    config: withResources({ memory: { limit: 16 << 20, swap: 16 << 20 } }),
  });
  const args = ['--root', runtimeRoot, 'events', '--interval', '300ms', made.id];
  const child = spawn(runtimePath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  const types = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Event).type);
  // Version 1 tells each failed attempt to get memory, of which there may be several before the end.
  assert.ok(types.includes('oom'), text);
  assert.ok(types.filter((type) => type === 'stats').length >= 3, text);
  assert.match(runtime('events', '--stats', made.id).stderr, /is not running/);
});

test('events refuses an interval that is no duration', () => {
  for (const interval of ['0s', '5', '-1s'])
    assert.match(runtime('events', '--interval', interval, 'x').stderr, /--interval/);
});

test('a cgroup that others use is refused, and they live on', () => {
  using made = container({ prefix });
  using bundle = makeBundle({
    config: (config) => {
      config.linux.cgroupsPath = `/${made.id}`;
    },
  });
  const { status, stderr } = runtime('run', '--bundle', bundle.path, newId(prefix));
  assert.notEqual(status, 0);
  assert.match(stderr, /is not empty: 1 process/);
  assert.equal(statusOf(made.id), 'running');
});

test('the root of the hierarchies is refused as a cgroup', () => {
  for (const path of ['/', '/../..', '.']) {
    using bundle = makeBundle({
      config: (config) => {
        config.linux.cgroupsPath = path;
      },
    });
    assert.match(runtime('run', '--bundle', bundle.path, newId(prefix)).stderr, /linux\.cgroupsPath/);
  }
});

test('nothing is left of a container that was deleted, paused or not', () => {
  for (const pause of [false, true]) {
    const made = container({ prefix, args: ['sh', '-c', 'sleep 100 & sleep 101'] });
    assert.ok(remainders(made.id).length > 0);
    if (pause) assert.equal(runtime('pause', made.id).status, 0);
    made[Symbol.dispose]();
    assert.deepEqual(remainders(made.id), []);
    assert.equal(existsSync(join(runtimeRoot, made.id)), false);
  }
});

test('a controller that is mounted nowhere is left out, also where its directory stands', onVersion1, () => {
  using bundle = makeBundle({ args: ['ls', '/sys/fs/cgroup'] });
  const id = newId(prefix);
  const script = ['umount /sys/fs/cgroup/pids', 'exec "$0" --root "$1" run --bundle "$2" "$3"'].join('\n');
  const words = ['--mount', 'sh', '-ec', script, runtimePath, runtimeRoot, bundle.path, id];
  const { status, stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.ok(stdout.includes('memory') && !stdout.includes('pids'), stdout);
  assert.deepEqual(remainders(id), []);
});

test('delete --force ends a container that somebody froze in another cgroup', onVersion1, () => {
  const other = `${ROOT}/freezer/${newId('frozen')}`;
  mkdirSync(other);
  const made = container({ prefix });
  try {
    writeFileSync(`${other}/cgroup.procs`, String(made.pid));
    writeFileSync(`${other}/freezer.state`, 'FROZEN');
    const { status, stderr } = runtime('delete', '--force', made.id);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.deepEqual(remainders(made.id), []);
  } finally {
    writeFileSync(`${other}/freezer.state`, 'THAWED');
    made[Symbol.dispose]();
    rmdirSync(other);
  }
});
