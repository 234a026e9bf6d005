// Docker's default seccomp profile, as facts in our own layout. Checked against github.com/moby/profiles,
// seccomp/default.json, by tests/unit-data/docker-seccomp.test.ts. What is not named here answers EPERM.

export interface Group {
  /** Separated by blanks. */
  readonly names: string;
  /** Given only to containers with this capability. */
  readonly needs?: string;
  /** Given only to containers without it. */
  readonly unless?: string;
  readonly only?: 'x86-64' | 'aarch64';
  /** The oldest kernel, as major and minor. */
  readonly since?: readonly [number, number];
  /** The answer, where it is not to allow. */
  readonly errno?: number;
  /** Each line is one rule: argument, operator, value. */
  readonly when?: readonly (readonly [index: number, op: string, value: number])[];
}

const ENOSYS = 38;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: linux/sched.h. */
const CLONE_NEW_ANY = 0x7e020000;

// Calls that act on what the caller can reach anyway; the kernel checks permissions, namespaces confine the rest.
const everyone = {
  files:
    'access faccessat faccessat2 chdir fchdir chmod fchmod fchmodat fchmodat2 chown fchown fchownat lchown close ' +
    'close_range creat open openat openat2 dup dup2 dup3 fallocate fadvise64 fcntl fdatasync flock fstat fstatfs fsync ' +
    'ftruncate futimesat getcwd getdents getdents64 ioctl link linkat lseek lstat mkdir mkdirat mknod mknodat ' +
    'name_to_handle_at newfstatat readlink readlinkat rename renameat renameat2 rmdir stat statfs statx symlink ' +
    'symlinkat sync sync_file_range syncfs truncate umask unlink unlinkat utime utimensat utimes cachestat',
  data:
    'read readv pread64 preadv preadv2 readahead write writev pwrite64 pwritev pwritev2 copy_file_range sendfile splice ' +
    'tee vmsplice pipe pipe2 io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents',
  // The attribute's name space decides who may: xattr(7).
  attributes:
    'getxattr fgetxattr lgetxattr getxattrat listxattr flistxattr llistxattr listxattrat setxattr fsetxattr lsetxattr ' +
    'setxattrat removexattr fremovexattr lremovexattr removexattrat',
  // Only reading: changing mounts needs CAP_SYS_ADMIN below.
  mounts: 'listmount statmount',
  watching:
    'epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd ' +
    'eventfd2 fanotify_mark inotify_init inotify_init1 inotify_add_watch inotify_rm_watch poll ppoll select pselect6 ' +
    'signalfd signalfd4',
  // `socket` itself looks at the family, below.
  sockets:
    'accept accept4 bind connect getpeername getsockname getsockopt setsockopt listen recv recvfrom recvmmsg recvmsg send ' +
    'sendmmsg sendmsg sendto shutdown socketcall socketpair',
  memory:
    'brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect mremap ' +
    'mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages',
  processes:
    'execve execveat exit exit_group fork vfork wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid getsid ' +
    'setsid set_tid_address get_robust_list set_robust_list get_thread_area set_thread_area prctl pidfd_open ' +
    'process_mrelease rseq restart_syscall uretprobe futex futex_requeue futex_wait futex_waitv futex_wake',
  signals:
    'kill tkill tgkill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn ' +
    'rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn',
  // Raising one's own privileges still takes CAP_SETUID and its kin.
  identity:
    'capget capset getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid setgroups setreuid setregid ' +
    'setresuid setresgid setfsuid setfsgid',
  // A container may make itself a narrower cage.
  sandboxes: 'seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self',
  scheduling:
    'getpriority setpriority ioprio_get ioprio_set getrlimit setrlimit prlimit64 getrusage getcpu sched_getaffinity ' +
    'sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_get_priority_max ' +
    'sched_get_priority_min sched_getscheduler sched_setscheduler sched_rr_get_interval sched_yield',
  // Reading clocks; adjtimex too, which needs CAP_SYS_TIME once it is to change one.
  time:
    'adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer setitimer gettimeofday nanosleep ' +
    'time times timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime ' +
    'timerfd_settime',
  // The IPC namespace confines these.
  messages:
    'ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget ' +
    'semop semtimedop shmat shmctl shmdt shmget',
  system: 'getrandom sysinfo uname',
  // What the same calls are called on 32-bit architectures, with wider ids, offsets or times.
  narrow:
    '_llseek _newselect chown32 fchown32 lchown32 fadvise64_64 fcntl64 fstat64 fstatat64 fstatfs64 ftruncate64 getegid32 ' +
    'geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 lstat64 mmap2 sendfile64 setfsgid32 setfsuid32 ' +
    'setgid32 setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 stat64 statfs64 truncate64 ugetrlimit ' +
    'clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64 futex_time64 io_pgetevents_time64 ' +
    'mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64 ' +
    'sched_rr_get_interval_time64 semtimedop_time64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 ' +
    'utimensat_time64',
};

export const groups: readonly Group[] = [
  { names: Object.values(everyone).join(' ') },

  // Until 4.8 ptrace could be used to walk around a seccomp filter: seccomp(2), "Caveats".
  { names: 'process_vm_readv process_vm_writev ptrace', since: [4, 8] },
  { names: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace', needs: 'CAP_SYS_PTRACE' },

  // Every family but AF_ALG (38) and AF_VSOCK (40): the one reaches kernel cryptography that is rarely used and often
  // broken, the other has no namespace and would reach the hypervisor's other guests.
  {
    names: 'socket',
    when: [
      [0, 'LT', 38],
      [0, 'EQ', 39],
      [0, 'GT', 40],
    ],
  },
  // Personas that change only what uname(2) says, PER_LINUX and PER_LINUX32 with and without UNAME26; and the query.
  {
    names: 'personality',
    when: [
      [0, 'EQ', 0],
      [0, 'EQ', 8],
      [0, 'EQ', 0x20000],
      [0, 'EQ', 0x20008],
      [0, 'EQ', 0xffffffff],
    ],
  },

  // Of each machine alone.
  { names: 'arch_prctl modify_ldt', only: 'x86-64' },
  { names: 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls', only: 'aarch64' },

  // New namespaces are new surface of the kernel, so they take the capability that made them without user namespaces.
  {
    names:
      'bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules ' +
      'lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname ' +
      'sethostname setns syslog umount umount2 unshare',
    needs: 'CAP_SYS_ADMIN',
  },
  { names: 'clone', unless: 'CAP_SYS_ADMIN', when: [[0, 'MASKED_EQ', CLONE_NEW_ANY]] },
  // Its flags lie in memory, where no filter can look. On ENOSYS C libraries fall back to clone.
  { names: 'clone3', unless: 'CAP_SYS_ADMIN', errno: ENOSYS },

  // What one capability is for; without it these would fail anyway, here they fail sooner.
  { names: 'open_by_handle_at', needs: 'CAP_DAC_READ_SEARCH' },
  { names: 'reboot', needs: 'CAP_SYS_BOOT' },
  { names: 'chroot', needs: 'CAP_SYS_CHROOT' },
  { names: 'delete_module init_module finit_module', needs: 'CAP_SYS_MODULE' },
  { names: 'acct', needs: 'CAP_SYS_PACCT' },
  { names: 'iopl ioperm', needs: 'CAP_SYS_RAWIO' },
  { names: 'settimeofday stime clock_settime clock_settime64', needs: 'CAP_SYS_TIME' },
  { names: 'vhangup', needs: 'CAP_SYS_TTY_CONFIG' },
  { names: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node', needs: 'CAP_SYS_NICE' },
  { names: 'syslog', needs: 'CAP_SYSLOG' },
  { names: 'bpf', needs: 'CAP_BPF' },
  { names: 'perf_event_open', needs: 'CAP_PERFMON' },
];
