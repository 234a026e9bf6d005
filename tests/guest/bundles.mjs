// The bundles of the guest tests: name to config.json.

const mebibyte = 1024 * 1024;
const capabilities = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID', 'CAP_MKNOD'];

function config(
  name,
  args,
  { resources = {}, process = {}, linux = {}, namespaces = [], mounts = [], root = '/rootfs' } = {},
) {
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin'],
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      ...process,
    },
    root: { path: root },
    hostname: name,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      ...mounts,
    ],
    linux: {
      cgroupsPath: `/guest/${name}`,
      resources: { ...resources },
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'network', ...namespaces].map((type) => ({ type })),
      ...linux,
    },
  };
}

// The kernel's log takes writes from everyone.
const writeDevice = ['/bin/sh', '-c', 'echo guest >/dev/messages'];
const kmsg = { path: '/dev/messages', type: 'c', major: 1, minor: 11, fileMode: 0o666 };
const deny = { allow: false, access: 'rwm' };
const only = (access) => ({ allow: true, type: 'c', major: 1, minor: 11, access });

export function bundles() {
  const wait = ['/bin/sleep', '1000'];
  const sharedPids = ['ipc', 'uts', 'mount'].map((type) => ({ type }));
  const cgroupMount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] };
  return {
    'own-cgroup': config('own-cgroup', ['/bin/cat', '/proc/self/cgroup']),
    'cgroup-namespace': config('cgroup-namespace', ['/bin/sh', '-c', 'cat /proc/self/cgroup; ls /sys/fs/cgroup'], {
      namespaces: ['cgroup'],
      mounts: [cgroupMount],
    }),
    wait: config('wait', wait),
    'memory-hog': config('memory-hog', ['/bin/sh', '-c', 'sleep 1; tail /dev/zero; sleep 1'], {
      resources: { memory: { limit: 16 * mebibyte } },
    }),
    limits: config('limits', wait, {
      resources: {
        memory: { limit: 64 * mebibyte, reservation: 32 * mebibyte },
        pids: { limit: 41 },
        cpu: { quota: 20000, period: 100000, shares: 512 },
      },
    }),
    unified: config('unified', wait, {
      resources: { unified: { 'cpu.weight': '77', 'memory.high': '50331648', 'pids.max': '23' } },
    }),
    'device-allowed': config('device-allowed', writeDevice, {
      resources: { devices: [deny, only('wm')] },
      linux: { devices: [kmsg] },
    }),
    'device-denied': config('device-denied', writeDevice, {
      resources: { devices: [deny, only('rm')] },
      linux: { devices: [kmsg] },
    }),
    'default-devices': config(
      'default-devices',
      ['/bin/sh', '-c', 'echo x >/dev/null && head -c 4 /dev/urandom >/dev/zero'],
      {
        resources: { devices: [deny] },
      },
    ),
    'shared-pids': config('shared-pids', ['/bin/sh', '-c', 'sleep 1001 & sleep 1002 & wait'], {
      linux: { namespaces: sharedPids },
    }),
    'too-little-memory': config('too-little-memory', ['/bin/true'], { resources: { memory: { limit: 16384 } } }),
    'little-memory': config('little-memory', ['/bin/true'], { resources: { memory: { limit: 512 * 1024 } } }),
    overlay: config('overlay', ['/bin/sh', '-c', 'echo written >/new && cat /new'], { root: '/tmp/overlay/merged' }),
    'user-namespace': config(
      'user-namespace',
      ['/bin/sh', '-c', 'stat -c "%A %t:%T" /dev/proa; cat /proc/self/uid_map'],
      {
        namespaces: ['user'],
        linux: { devices: [{ path: '/dev/proa', type: 'b', major: 1, minor: 5, fileMode: 0o157 }] },
      },
    ),
    profile: config('profile', ['/bin/sh', '-c', 'cat /proc/self/attr/current; cat /forbidden'], {
      process: { apparmorProfile: 'proa-guest' },
    }),
    'missing-profile': config('missing-profile', ['/bin/true'], { process: { apparmorProfile: 'proa-not-there' } }),
  };
}
