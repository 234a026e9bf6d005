// Configurations for tests, as the text that a caller would write.

/** As `runc spec` writes it. */
export function defaultConfig(): Record<string, unknown> {
  const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: {
        bounding: [...capabilities],
        effective: [...capabilities],
        permitted: [...capabilities],
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'runc',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755'] },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: ['/proc/kcore', '/sys/firmware'],
      readonlyPaths: ['/proc/sys'],
    },
  };
}

const hook = { path: '/bin/hook', args: ['hook', ''], env: ['A=b'], timeout: 5 };
const throttle = [{ major: 8, minor: 16, rate: 18446744073709551615n }];
const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** Every field that is built, so that nothing escapes a mutation; holds bigints. */
export function fullConfig(): Record<string, unknown> {
  return structuredCopy({
    ociVersion: '1.3.0-rc.1+dev',
    root: { path: '/bundle/rootfs', readonly: false },
    process: {
      terminal: true,
      consoleSize: { height: 24, width: 80 },
      user: { uid: 1000, gid: 1000, umask: 18, additionalGids: [5, 6] },
      args: ['sh', '-c', ''],
      env: ['PATH=/bin', 'EMPTY='],
      cwd: '/',
      capabilities: {
        bounding: ['CAP_KILL', 'CAP_CHECKPOINT_RESTORE'],
        effective: ['CAP_KILL'],
        inheritable: ['CAP_KILL'],
        permitted: ['CAP_KILL'],
        ambient: ['CAP_KILL'],
      },
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 1024, hard: 18446744073709551615n },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
      noNewPrivileges: true,
      apparmorProfile: 'profile',
      selinuxLabel: 'system_u:system_r:svirt_lxc_net_t:s0:c124,c675',
      oomScoreAdj: -1000,
      scheduler: {
        policy: 'SCHED_DEADLINE',
        nice: 0,
        priority: 0,
        flags: ['SCHED_FLAG_RESET_ON_FORK'],
        runtime: 10000000,
        deadline: 20000000,
        period: 30000000,
      },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 4 },
      execCPUAffinity: { initial: '0-3,7', final: '4' },
    },
    hostname: 'host',
    domainname: 'domain.test',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec'] },
      { destination: '/data', source: '/srv', options: ['rbind', 'idmap'], uidMappings: mapping, gidMappings: mapping },
    ],
    hooks: {
      prestart: [hook],
      createRuntime: [hook],
      createContainer: [hook],
      startContainer: [hook],
      poststart: [hook],
      poststop: [hook],
    },
    annotations: { 'com.example.key': 'value', empty: '' },
    linux: {
      namespaces: [
        ...['pid', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time'].map((type) => ({ type })),
        { type: 'network', path: '/proc/1/ns/net' },
      ],
      uidMappings: mapping,
      gidMappings: mapping,
      timeOffsets: { monotonic: { secs: -5, nanosecs: 7 }, boottime: { secs: 9223372036854775807n } },
      devices: [
        { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 },
        { type: 'p', path: '/dev/fifo' },
      ],
      cgroupsPath: '/docker/1234',
      resources: {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 10, minor: -1, access: 'rw' },
        ],
        memory: {
          limit: 536870912,
          reservation: -1,
          swap: 9223372036854771712n,
          kernel: -1,
          kernelTCP: -1,
          swappiness: 60,
          disableOOMKiller: false,
          useHierarchy: false,
          checkBeforeUpdate: true,
        },
        cpu: {
          shares: 1024,
          quota: -1,
          burst: 0,
          period: 100000,
          realtimeRuntime: 950000,
          realtimePeriod: 1000000,
          cpus: '0-1',
          mems: '0',
          idle: 0,
        },
        pids: { limit: 100 },
        blockIO: {
          weight: 10,
          leafWeight: 10,
          weightDevice: [{ major: 8, minor: 0, weight: 500, leafWeight: 300 }],
          throttleReadBpsDevice: throttle,
          throttleWriteBpsDevice: throttle,
          throttleReadIOPSDevice: throttle,
          throttleWriteIOPSDevice: throttle,
        },
        hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
        network: { classID: 1048577, priorities: [{ name: 'eth0', priority: 500 }] },
        rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
        unified: { 'memory.high': '1000000' },
      },
      sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '1', 'kernel.domainname': 'x', 'fs/mqueue/msg_max': '' },
      seccomp: {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 1,
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
        flags: ['SECCOMP_FILTER_FLAG_LOG'],
        syscalls: [
          { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
          {
            names: ['clone'],
            action: 'SCMP_ACT_ERRNO',
            errnoRet: 38,
            args: [{ index: 0, value: 18446744073709551615n, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
          },
        ],
      },
      rootfsPropagation: 'rslave',
      maskedPaths: ['/proc/kcore'],
      readonlyPaths: ['/proc/sys'],
      mountLabel: 'system_u:object_r:svirt_sandbox_file_t:s0:c715,c811',
      personality: { domain: 'LINUX' },
    },
  }) as Record<string, unknown>;
}

/** A copy of JSON-like data that shares nothing, so that tests may change it. */
export function structuredCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(structuredCopy);
  const copy: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    Object.defineProperty(copy, key, {
      value: structuredCopy(field),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}
