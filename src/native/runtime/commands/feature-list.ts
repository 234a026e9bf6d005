import { capabilityNumbers } from '#common/runtime-spec/capabilities.ts';

const words = (text: string, prefix = '') => text.split(' ').map((word) => prefix + word);

/** Mount options that hold for the mount itself; with `r` in front, for those below it too. */
const attributes = words(
  'ro rw nosuid suid nodev dev noexec exec noatime atime strictatime nostrictatime relatime norelatime nodiratime diratime nosymfollow symfollow',
);
const propagations = words('private shared slave unbindable');
const others = words(
  'bind rbind copy-symlink idmap ridmap tmpcopyup defaults sync async dirsync nomand mand lazytime nolazytime loud silent iversion noiversion remount',
);

/** What this runtime does today, whatever the host can do: features.md and features-linux.md. */
export const features = {
  ociVersionMin: '1.0.0',
  ociVersionMax: '1.3.0',
  hooks: words('prestart createRuntime createContainer startContainer poststart poststop'),
  mountOptions: [...[...attributes, ...propagations].flatMap((name) => [name, `r${name}`]), ...others].sort(),
  linux: {
    namespaces: words('cgroup ipc mount network pid time user uts'),
    capabilities: Object.keys(capabilityNumbers),
    cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
    seccomp: {
      enabled: true,
      actions: words('ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG TRACE TRAP', 'SCMP_ACT_'),
      operators: words('EQ GE GT LE LT MASKED_EQ NE', 'SCMP_CMP_'),
      archs: words(
        'AARCH64 ARM LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE RISCV64 S390 S390X SH SHEB X32 X86 X86_64',
        'SCMP_ARCH_',
      ),
      knownFlags: words('LOG SPEC_ALLOW TSYNC WAIT_KILLABLE_RECV', 'SECCOMP_FILTER_FLAG_'),
      // The fourth is about listeners, which there are none of without SCMP_ACT_NOTIFY.
      supportedFlags: words('LOG SPEC_ALLOW TSYNC', 'SECCOMP_FILTER_FLAG_'),
    },
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: false },
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: false },
  },
  annotations: { 'org.opencontainers.runc.checkpoint.enabled': 'false' },
  potentiallyUnsafeConfigAnnotations: [],
};
