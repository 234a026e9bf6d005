import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringifyJson } from '#common/json/stringify.ts';
import './all.ts';
import { defaultConfig, fullConfig } from './test-configs.ts';
import type { Config, Linux } from './types.ts';
import {
  parseConfig,
  parseProcess,
  parseResources,
  validateConfig,
  validateProcess,
  validateResources,
} from './validate.ts';

/** The full config with `value` at `path`, such as `mounts.0.type`; undefined takes the field away. */
function changed(path: string, value: unknown): Record<string, unknown> {
  const config = fullConfig();
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at: Record<string, unknown> = config;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return config;
}

test('validateConfig() takes the default and the full configuration as they are', () => {
  for (const make of [defaultConfig, fullConfig]) {
    const warnings: string[] = [];
    assert.deepEqual(validateConfig(make(), { warnings, runnable: true }), make());
    assert.deepEqual(parseConfig(stringifyJson(make())), make());
    assert.deepEqual(warnings, []);
  }
});

const invalid: [path: string, value: unknown, message: string][] = [
  ['ociVersion', undefined, 'ociVersion: missing'],
  ['ociVersion', '1.0', 'ociVersion: expected a version such as "1.2.0", got "1.0"'],
  ['root', [], 'root: expected an object, got an array'],
  ['root.path', undefined, 'root.path: missing'],
  ['root.path', '', 'root.path: missing'],
  ['root.path', 'a\0b', 'root.path: expected a string without NUL, got "a\\u0000b"'],
  ['hostname', 7, 'hostname: expected a string, got 7'],
  ['process.cwd', 'tmp', 'process.cwd: expected an absolute path, got "tmp"'],
  ['process.args', [], 'process.args: expected at least one item, got an array'],
  ['process.args', undefined, 'process.args: missing'],
  ['process.args', ['sh', null], 'process.args[1]: expected a string, got null'],
  ['process.args', ['sh', 'a\0'], 'process.args[1]: expected a string without NUL, got "a\\u0000"'],
  ['process.env', ['A=1', 'B'], 'process.env[1]: expected NAME=VALUE, got "B"'],
  ['process.env', ['=1'], 'process.env[0]: expected NAME=VALUE, got "=1"'],
  ['process.env', ['A=\0'], 'process.env[0]: expected a string without NUL, got "A=\\u0000"'],
  ['process.user.uid', -1, 'process.user.uid: expected an integer from 0 to 4294967294, got -1'],
  ['process.user.gid', 4294967295, 'process.user.gid: expected an integer from 0 to 4294967294, got 4294967295'],
  ['process.user.uid', 1.5, 'process.user.uid: expected an integer, got 1.5'],
  ['process.user.umask', '022', 'process.user.umask: expected an integer, got "022"'],
  [
    'process.user.additionalGids',
    [1, 1n << 40n],
    'process.user.additionalGids[1]: expected an integer from 0 to 4294967294, got 1099511627776',
  ],
  ['process.oomScoreAdj', 1001, 'process.oomScoreAdj: expected an integer from -1000 to 1000, got 1001'],
  ['process.consoleSize.width', 65536, 'process.consoleSize.width: expected an integer from 0 to 65535, got 65536'],
  ['process.rlimits.0.type', 'RLIMIT_FOO', 'process.rlimits[0].type: expected a resource limit (RLIMIT_AS, '],
  [
    'process.rlimits.0.hard',
    1n << 64n,
    'process.rlimits[0].hard: expected an integer from 0 to 18446744073709551615, got 18446744073709551616',
  ],
  ['process.rlimits.0.hard', 1023, 'process.rlimits[0].soft: expected at most hard (1023), got 1024'],
  ['process.rlimits.1.type', 'RLIMIT_NOFILE', 'process.rlimits[1].type: RLIMIT_NOFILE is there twice'],
  ['process.scheduler.policy', 'SCHED_FAST', 'process.scheduler.policy: expected a scheduling policy (SCHED_OTHER, '],
  [
    'process.scheduler.priority',
    1,
    'process.scheduler.priority: only SCHED_FIFO and SCHED_RR have priorities, got SCHED_DEADLINE',
  ],
  ['process.scheduler.policy', 'SCHED_FIFO', 'process.scheduler.runtime: belongs to SCHED_DEADLINE, got SCHED_FIFO'],
  [
    'process.scheduler',
    { policy: 'SCHED_OTHER', nice: 20 },
    'process.scheduler.nice: expected an integer from -20 to 19, got 20',
  ],
  ['process.ioPriority.class', 'RT', 'process.ioPriority.class: expected an I/O priority class (IOPRIO_CLASS_RT, '],
  ['process.ioPriority.priority', 8, 'process.ioPriority.priority: expected an integer from 0 to 7, got 8'],
  [
    'process.execCPUAffinity.initial',
    'all',
    'process.execCPUAffinity.initial: expected a list of processors such as "0-3,7", got "all"',
  ],
  ['process.terminal', 'yes', 'process.terminal: expected true or false, got "yes"'],
  ['mounts.1.destination', undefined, 'mounts[1].destination: missing'],
  ['mounts.1.gidMappings', undefined, 'mounts[1].gidMappings: missing: uidMappings comes with it'],
  ['mounts.1.uidMappings', [], 'mounts[1].uidMappings: missing: gidMappings comes with it'],
  ['mounts.1', null, 'mounts[1]: expected an object, got null'],
  ['hooks.poststop.0.path', 'hook', 'hooks.poststop[0].path: expected an absolute path, got "hook"'],
  ['hooks.prestart.0.timeout', 0, 'hooks.prestart[0].timeout: expected an integer from 1 to 2147483647, got 0'],
  ['annotations', { 'a.b': 1 }, 'annotations["a.b"]: expected a string, got 1'],
  ['annotations', { '': 'x' }, 'annotations[""]: expected a name as key'],
  [
    'linux.namespaces.0.type',
    'net',
    'linux.namespaces[0].type: expected a type of namespace (pid, network, mount, ipc, uts, user, cgroup, time), got "net"',
  ],
  ['linux.namespaces.1.type', 'pid', 'linux.namespaces[1].type: "pid" is there twice'],
  ['linux.namespaces.7.path', 'ns/net', 'linux.namespaces[7].path: expected an absolute path, got "ns/net"'],
  ['linux.namespaces.3.type', undefined, 'linux.namespaces[3].type: missing'],
  ['linux.uidMappings', [], 'linux.uidMappings: missing: the user namespace at linux.namespaces[4] is a new one'],
  [
    'linux.gidMappings',
    undefined,
    'linux.gidMappings: missing: the user namespace at linux.namespaces[4] is a new one',
  ],
  ['linux.gidMappings.0.size', 0, 'linux.gidMappings[0].size: expected an integer from 1 to 4294967295, got 0'],
  [
    'linux.timeOffsets.monotonic.nanosecs',
    1e9,
    'linux.timeOffsets.monotonic.nanosecs: expected an integer from 0 to 999999999, got 1000000000',
  ],
  ['linux.devices.0.type', 'd', 'linux.devices[0].type: expected a type of device (c, b, u, p), got "d"'],
  ['linux.devices.0.path', 'fuse', 'linux.devices[0].path: expected an absolute path, got "fuse"'],
  ['linux.devices.0.minor', undefined, 'linux.devices[0].minor: missing'],
  ['linux.cgroupsPath', 5, 'linux.cgroupsPath: expected a string, got 5'],
  ['linux.resources.memory.limit', '1g', 'linux.resources.memory.limit: expected an integer, got "1g"'],
  [
    'linux.resources.cpu.shares',
    -1,
    'linux.resources.cpu.shares: expected an integer from 0 to 18446744073709551615, got -1',
  ],
  [
    'linux.resources.cpu.quota',
    -(1n << 64n),
    'linux.resources.cpu.quota: expected an integer from -9223372036854775808 to 9223372036854775807, got -18446744073709551616',
  ],
  ['linux.resources.devices.1.access', 'rx', 'linux.resources.devices[1].access: expected some of "rwm", got "rx"'],
  ['linux.resources.devices.0.allow', undefined, 'linux.resources.devices[0].allow: missing'],
  [
    'linux.resources.blockIO.weight',
    65536,
    'linux.resources.blockIO.weight: expected an integer from 0 to 65535, got 65536',
  ],
  [
    'linux.resources.blockIO.weightDevice',
    [{ major: 1, minor: 2 }],
    'linux.resources.blockIO.weightDevice[0].weight: missing, and so is leafWeight: one of them is needed',
  ],
  [
    'linux.resources.hugepageLimits.0.pageSize',
    '64kB',
    'linux.resources.hugepageLimits[0].pageSize: expected a page size such as "2MB", got "64kB"',
  ],
  [
    'linux.resources.rdma',
    { mlx5_1: { hcaHandles: 'x' } },
    'linux.resources.rdma.mlx5_1.hcaHandles: expected an integer, got "x"',
  ],
  [
    'linux.resources.unified',
    { '../../x.y': '' },
    'linux.resources.unified["../../x.y"]: expected a file name such as "memory.high" as key',
  ],
  [
    'linux.sysctl',
    { 'net/../kernel/core_pattern': '|x' },
    'linux.sysctl["net/../kernel/core_pattern"]: expected a parameter such as "net.ipv4.ip_forward" as key',
  ],
  ['linux.sysctl', { 'kernel.hostname': 'x' }, 'linux.sysctl["kernel.hostname"]: not allowed, set "hostname" instead'],
  [
    'linux.sysctl',
    { 'kernel.core_pattern': 'x' },
    'linux.sysctl["kernel.core_pattern"]: not allowed, since it belongs to the host',
  ],
  [
    'linux.sysctl',
    { 'kernel/core.pattern': 'x' },
    'linux.sysctl["kernel/core.pattern"]: not allowed, since it belongs to the host',
  ],
  ['linux.sysctl', { 'net.x': 1 }, 'linux.sysctl["net.x"]: expected a string, got 1'],
  ['linux.seccomp.defaultAction', 'ALLOW', 'linux.seccomp.defaultAction: expected an action (SCMP_ACT_ALLOW, '],
  ['linux.seccomp.defaultAction', undefined, 'linux.seccomp.defaultAction: missing'],
  [
    'linux.seccomp.defaultAction',
    'SCMP_ACT_KILL',
    'linux.seccomp.defaultErrnoRet: has no meaning for SCMP_ACT_KILL, got 1',
  ],
  [
    'linux.seccomp.syscalls.1.action',
    'SCMP_ACT_ALLOW',
    'linux.seccomp.syscalls[1].errnoRet: has no meaning for SCMP_ACT_ALLOW, got 38',
  ],
  ['linux.seccomp.syscalls.0.names', [], 'linux.seccomp.syscalls[0].names: expected at least one item, got an array'],
  ['linux.seccomp.syscalls.0.names', ['read', 0], 'linux.seccomp.syscalls[0].names[1]: expected a string, got 0'],
  [
    'linux.seccomp.syscalls.1.args.0.op',
    'EQ',
    'linux.seccomp.syscalls[1].args[0].op: expected an operator (SCMP_CMP_NE, ',
  ],
  [
    'linux.seccomp.syscalls.1.args.0.index',
    6,
    'linux.seccomp.syscalls[1].args[0].index: expected an integer from 0 to 5, got 6',
  ],
  [
    'linux.seccomp.architectures',
    ['amd64'],
    'linux.seccomp.architectures[0]: expected an architecture (SCMP_ARCH_X86, ',
  ],
  ['linux.seccomp.flags', ['LOG'], 'linux.seccomp.flags[0]: expected a flag (SECCOMP_FILTER_FLAG_TSYNC, '],
  ['linux.rootfsPropagation', 'both', 'linux.rootfsPropagation: expected a propagation (private, '],
  ['linux.maskedPaths', ['proc'], 'linux.maskedPaths[0]: expected an absolute path, got "proc"'],
  [
    'linux.personality.domain',
    'UNIX',
    'linux.personality.domain: expected an execution domain (LINUX, LINUX32), got "UNIX"',
  ],
];

test('validateConfig() names the field, what was expected and what was got', () => {
  for (const [path, value, message] of invalid) {
    assert.throws(
      () => validateConfig(changed(path, value)),
      (error) => {
        const { name, kind, message: actual } = error as { name: string; kind: string; message: string };
        assert.equal(actual.slice(0, message.length), message);
        assert.equal(`${name} ${kind}`, 'ProaError invalid');
        return true;
      },
    );
  }
});

const unsupported: [path: string, value: unknown, message: string][] = [
  ['ociVersion', '0.5.0-dev', 'ociVersion: expected a version from 1.0.0 and below 2, got "0.5.0-dev"'],
  ['ociVersion', '2.0.0', 'ociVersion: expected a version from 1.0.0 and below 2, got "2.0.0"'],
  ['linux.intelRdt', {}, 'linux.intelRdt: not supported'],
  ['linux.memoryPolicy', {}, 'linux.memoryPolicy: not supported'],
  ['linux.netDevices', { eth0: {} }, 'linux.netDevices: not supported'],
  ['linux.seccomp.listenerPath', '/run/x', 'linux.seccomp.listenerPath: not supported'],
  ['linux.seccomp.listenerMetadata', 'x', 'linux.seccomp.listenerMetadata: not supported'],
  ['linux.seccomp.syscalls.0.action', 'SCMP_ACT_NOTIFY', 'linux.seccomp.syscalls[0].action: not supported'],
  ['linux.seccomp.defaultAction', 'SCMP_ACT_NOTIFY', 'linux.seccomp.defaultAction: not supported'],
  ['linux.personality.flags', ['x'], 'linux.personality.flags: not supported'],
  ...['vm', 'windows', 'solaris', 'zos', 'freebsd'].map((name): [string, unknown, string] => [
    name,
    {},
    `${name}: not supported`,
  ]),
];

test('validateConfig() refuses what is not built', () => {
  for (const [path, value, message] of unsupported) {
    assert.throws(() => validateConfig(changed(path, value)), { kind: 'unsupported', message });
  }
});

test('validateConfig() takes what asks for nothing as absent', () => {
  const nothing: [path: string, value: unknown][] = [
    ['windows', null],
    ['linux.netDevices', {}],
    ['linux.seccomp.listenerPath', ''],
    ['linux.rootfsPropagation', ''],
    ['linux.namespaces.0.path', ''],
    ['mounts.0.type', null],
    ['process.capabilities', null],
    ['linux.resources.memory.limit', null],
    ['annotations.empty', null],
    ['linux.seccomp', {}],
    ['linux.seccomp', { defaultAction: '', syscalls: [] }],
  ];
  for (const [path, value] of nothing) {
    const config = validateConfig(changed(path, value));
    assert.deepEqual(config, changed(path, undefined) as unknown as Config, path);
  }
});

test('validateConfig() runs as root when no user is named', () => {
  assert.deepEqual(validateConfig(changed('process.user', null)).process?.user, { uid: 0, gid: 0 });
  assert.deepEqual(validateConfig(changed('process.user.uid', undefined)).process?.user.uid, 0);
});

test('validateConfig() ignores unknown fields, whatever they are called', () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'unknown']) {
    for (const path of [name, `process.${name}`, `linux.resources.${name}`, `process.user.${name}`]) {
      validateConfig(changed(path, [0.5]));
    }
  }
  const text = stringifyJson(fullConfig()).replace('{', '{"__proto__":{"root":5,"vm":{}},');
  assert.equal(Object.getPrototypeOf(parseConfig(text)), Object.prototype);
});

test('validateConfig() drops unknown capabilities with a warning', () => {
  const warnings: string[] = [];
  const document = changed('process.capabilities.bounding', ['CAP_KILL', 'KILL', 'CAP_CHOWN', 'CAP_FOO']);
  const config = validateConfig(document, { warnings });
  assert.deepEqual(config.process?.capabilities?.bounding, ['CAP_KILL', 'CAP_CHOWN']);
  assert.deepEqual(warnings, [
    'process.capabilities.bounding[1]: unknown capability "KILL"',
    'process.capabilities.bounding[3]: unknown capability "CAP_FOO"',
  ]);
});

test('validateConfig() takes a new user namespace without any mappings', () => {
  const linux: Linux = { namespaces: [{ type: 'user' }] };
  assert.deepEqual(validateConfig({ ociVersion: '1.0.0', linux }).linux, linux);
});

test('validateConfig() wants the namespaces that fields need', () => {
  const needs: [config: Record<string, unknown>, message: string][] = [
    [{ hostname: 'x' }, 'hostname: needs a namespace of type "uts" in linux.namespaces'],
    [{ domainname: 'x' }, 'domainname: needs a namespace of type "uts" in linux.namespaces'],
    [{ mounts: [{ destination: '/x' }] }, 'mounts: needs a namespace of type "mount" in linux.namespaces'],
    [{ root: { path: '/x', readonly: true } }, 'root.readonly: needs a namespace of type "mount" in linux.namespaces'],
    [
      { process: { args: ['x'], cwd: '/', terminal: true } },
      'process.terminal: needs a namespace of type "mount" in linux.namespaces',
    ],
    [
      { linux: { rootfsPropagation: 'shared' } },
      'linux.rootfsPropagation: needs a namespace of type "mount" in linux.namespaces',
    ],
    [
      { linux: { devices: [{ path: '/dev/x', type: 'p' }] } },
      'linux.devices: needs a namespace of type "mount" in linux.namespaces',
    ],
    [{ linux: { maskedPaths: ['/x'] } }, 'linux.maskedPaths: needs a namespace of type "mount" in linux.namespaces'],
    [
      { linux: { readonlyPaths: ['/x'] } },
      'linux.readonlyPaths: needs a namespace of type "mount" in linux.namespaces',
    ],
    [
      { linux: { uidMappings: [{ containerID: 0, hostID: 0, size: 1 }] } },
      'linux.uidMappings: needs a namespace of type "user" in linux.namespaces',
    ],
    [
      { linux: { gidMappings: [{ containerID: 0, hostID: 0, size: 1 }] } },
      'linux.gidMappings: needs a namespace of type "user" in linux.namespaces',
    ],
    [
      { linux: { timeOffsets: { boottime: { secs: 1 } } } },
      'linux.timeOffsets: needs a namespace of type "time" in linux.namespaces',
    ],
    [
      { linux: { timeOffsets: { boottime: {} }, namespaces: [{ type: 'time', path: '/x' }] } },
      'linux.timeOffsets: cannot be set in a namespace that is joined',
    ],
    [{ linux: { sysctl: { 'net.foo': '1' } } }, 'linux.sysctl["net.foo"]: needs a namespace of type "network"'],
    [
      { linux: { sysctl: { 'net/ipv4/conf/eno2.100/forwarding': '1' } } },
      'linux.sysctl["net/ipv4/conf/eno2.100/forwarding"]: needs a namespace of type "network"',
    ],
    [
      { linux: { sysctl: { 'kernel.shm_rmid_forced': '1' } } },
      'linux.sysctl["kernel.shm_rmid_forced"]: needs a namespace of type "ipc"',
    ],
    [
      { linux: { sysctl: { 'fs.mqueue.msg_max': '1' } } },
      'linux.sysctl["fs.mqueue.msg_max"]: needs a namespace of type "ipc"',
    ],
    [
      { linux: { sysctl: { 'kernel.domainname': 'x' } } },
      'linux.sysctl["kernel.domainname"]: needs a namespace of type "uts"',
    ],
    [
      { linux: { sysctl: { 'user.max_user_namespaces': '1' } } },
      'linux.sysctl["user.max_user_namespaces"]: needs a namespace of type "user"',
    ],
  ];
  for (const [config, message] of needs) {
    assert.throws(() => validateConfig({ ociVersion: '1.0.0', ...config }), { kind: 'invalid', message });
  }
});

test('validateConfig() wants root and process of a config that is to run', () => {
  assert.deepEqual(validateConfig({ ociVersion: '1.0.0' }), { ociVersion: '1.0.0' });
  const runnable = true;
  const process = { args: ['x'], cwd: '/' };
  assert.throws(() => validateConfig({ ociVersion: '1.0.0', process }, { runnable }), { message: 'root: missing' });
  const root = { path: 'rootfs' };
  assert.throws(() => validateConfig({ ociVersion: '1.0.0', root }, { runnable }), { message: 'process: missing' });
});

test('validateConfig(), validateProcess() and validateResources() name themselves when all is wrong', () => {
  for (const value of [null, 5, 'x', [], true, undefined, 5n]) {
    assert.throws(() => validateConfig(value), { kind: 'invalid', message: /^config: expected an object, got / });
    assert.throws(() => validateProcess(value), { kind: 'invalid', message: /^process: expected an object, got / });
    assert.throws(() => validateResources(value), { kind: 'invalid', message: /^resources: expected an object, got / });
  }
});

test('parseProcess() and parseResources() begin paths with what they read', () => {
  assert.deepEqual(parseProcess('{"args":["x"],"cwd":"/"}'), { args: ['x'], cwd: '/', user: { uid: 0, gid: 0 } });
  assert.throws(() => parseProcess('{"args":["x"],"cwd":""}'), { message: 'process.cwd: missing' });
  assert.deepEqual(parseResources('{"memory":{"limit":9223372036854775807}}'), {
    memory: { limit: 9223372036854775807n },
  });
  assert.throws(() => parseResources('{"cpu":{"shares":1e20}}'), {
    message: /^resources.cpu.shares: expected an integer from /,
  });
});

test('parseConfig() names line and column of what is not JSON', () => {
  assert.throws(() => parseConfig('{]'), { kind: 'invalid', message: /^line 1, column 2: / });
});
