import { deviceMounts } from '#common/runtime-spec/kernel-mounts.ts';
import type { Config, IdMapping } from '#common/runtime-spec/types.ts';

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** A configuration to start from: a shell on a read-only root filesystem. The same choices as those of `runc spec`. */
export function defaultConfig({ cgroupVersion }: { cgroupVersion: 1 | 2 }): Config {
  return {
    ociVersion: '1.3.0',
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'proa',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      ...deviceMounts,
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
      },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' },
        { type: 'network' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        ...(cgroupVersion === 2 ? [{ type: 'cgroup' } as const] : []),
      ],
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** The same for a user without rights: the user is root of a user namespace, and what that may not have is left out. */
export function rootlessConfig(config: Config, { uid, gid }: { uid: number; gid: number }): Config {
  const { mounts = [], linux = {} } = config;
  const { resources: _resources, namespaces = [], ...rest } = linux;
  const map = (hostID: number): IdMapping[] => [{ containerID: 0, hostID, size: 1 }];
  return {
    ...config,
    mounts: mounts.map((mount) => {
      // A new sysfs takes a network namespace of one's own: sysfs(5).
      if (mount.destination === '/sys') {
        return {
          destination: '/sys',
          type: 'none',
          source: '/sys',
          options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
        };
      }
      const { options } = mount;
      // Only the user's own ids exist in there.
      return options ? { ...mount, options: options.filter((option) => !/^[ug]id=/.test(option)) } : mount;
    }),
    linux: {
      ...rest,
      uidMappings: map(uid),
      gidMappings: map(gid),
      namespaces: [...namespaces.filter(({ type }) => type !== 'network'), { type: 'user' }],
    },
  };
}
