// Processes, credentials and limits: each function is the call of that name in section 2 of the manual; the answer is
// its result or -errno.
import { door } from '../door.ts';
import { layout } from '../layout.ts';
import type { Path } from './file.ts';
import * as NR from './generated/numbers.ts';

export const CLONE_NEWTIME = 0x80;
export const CLONE_VM = 0x100;
export const CLONE_PIDFD = 0x1000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWCGROUP = 0x2000000;
export const CLONE_NEWUTS = 0x4000000;
export const CLONE_NEWIPC = 0x8000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;
export const CLONE_INTO_CGROUP = 0x200000000;

export const WNOHANG = 1;
export const WEXITED = 4;
export const WNOWAIT = 0x1000000;
export const __WALL = 0x40000000;
export const P_ALL = 0;
export const P_PID = 1;
export const P_PIDFD = 3;

export const PR_SET_PDEATHSIG = 1;
export const PR_SET_DUMPABLE = 4;
export const PR_SET_KEEPCAPS = 8;
export const PR_SET_NAME = 15;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_CHILD_SUBREAPER = 36;
export const PR_GET_CHILD_SUBREAPER = 37;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;

export const cloneArgs = layout('clone_args', {
  flags: 'u64',
  pidfd: 'u64',
  child_tid: 'u64',
  parent_tid: 'u64',
  exit_signal: 'u64',
  stack: 'u64',
  stack_size: 'u64',
  tls: 'u64',
  set_tid: 'u64',
  set_tid_size: 'u64',
  cgroup: 'u64',
});

export const rlimit64 = layout('rlimit64', { cur: 'u64', max: 'u64' });

export const schedAttr = layout('sched_attr', {
  size: 'u32',
  policy: 'u32',
  flags: 'u64',
  nice: 's32',
  priority: 'u32',
  runtime: 'u64',
  deadline: 'u64',
  period: 'u64',
  util_min: 'u32',
  util_max: 'u32',
});

/** siginfo_t as waitid(2) fills it: the union's fields for SIGCHLD. */
export const siginfo = layout(
  'siginfo_t',
  { signo: 's32', errno: 's32', code: 's32', pad: 's32', pid: 's32', uid: 'u32', status: 's32' },
  128,
);

/** Without a stack of its own, as fork(2); the order of further arguments differs between machines. */
export const clone = (flags: number) => door.fork(NR.clone, flags, 0, 0, 0, 0);
/** As clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_PIDFD; `args.pidfd` is the descriptor itself afterwards. */
export const lend = (body: () => never, args: Uint8Array) => door.lend(body, args);
export const clone3 = (args: Uint8Array) => door.fork(NR.clone3, args, args.length);
export const execve = (path: Path, argv: BigUint64Array, environment: BigUint64Array) =>
  door.syscall(NR.execve, path, argv, environment);
export const execveat = (fd: number, path: Path, argv: BigUint64Array, environment: BigUint64Array, flags: number) =>
  door.syscall(NR.execveat, fd, path, argv, environment, flags);
export const exit_group = (status: number) => door.syscall(NR.exit_group, status);
export const waitid = (type: number, id: number, info: Uint8Array, options: number) =>
  door.syscall(NR.waitid, type, id, info, options, null);
export const kill = (pid: number, signal: number) => door.syscall(NR.kill, pid, signal);
export const pidfd_open = (pid: number, flags: number) => door.syscall(NR.pidfd_open, pid, flags);
export const pidfd_send_signal = (pidfd: number, signal: number) =>
  door.syscall(NR.pidfd_send_signal, pidfd, signal, null, 0);
export const getpid = () => door.syscall(NR.getpid);
export const getppid = () => door.syscall(NR.getppid);
export const getuid = () => door.syscall(NR.getuid);
export const geteuid = () => door.syscall(NR.geteuid);
export const getegid = () => door.syscall(NR.getegid);
export const getgid = () => door.syscall(NR.getgid);
export const setsid = () => door.syscall(NR.setsid);
export const setpgid = (pid: number, group: number) => door.syscall(NR.setpgid, pid, group);
export const prctl = (option: number, a: number | Uint8Array, b = 0, c = 0, d = 0) =>
  door.syscall(NR.prctl, option, a, b, c, d);
export const unshare = (flags: number) => door.syscall(NR.unshare, flags);
export const setns = (fd: number, type: number) => door.syscall(NR.setns, fd, type);
export const setresuid = (real: number, effective: number, saved: number) =>
  door.syscall(NR.setresuid, real, effective, saved);
export const setresgid = (real: number, effective: number, saved: number) =>
  door.syscall(NR.setresgid, real, effective, saved);
export const setgroups = (count: number, list: Uint8Array | null) => door.syscall(NR.setgroups, count, list);
export const capset = (header: Uint8Array, data: Uint8Array) => door.syscall(NR.capset, header, data);
export const capget = (header: Uint8Array, data: Uint8Array) => door.syscall(NR.capget, header, data);
export const prlimit64 = (pid: number, resource: number, limit: Uint8Array | null, old: Uint8Array | null) =>
  door.syscall(NR.prlimit64, pid, resource, limit, old);
export const sched_setattr = (pid: number, attributes: Uint8Array) =>
  door.syscall(NR.sched_setattr, pid, attributes, 0);
export const sched_setaffinity = (pid: number, mask: Uint8Array) =>
  door.syscall(NR.sched_setaffinity, pid, mask.length, mask);
export const setpriority = (which: number, who: number, nice: number) => door.syscall(NR.setpriority, which, who, nice);
export const ioprio_set = (which: number, who: number, priority: number) =>
  door.syscall(NR.ioprio_set, which, who, priority);
export const personality = (persona: number) => door.syscall(NR.personality, persona);
export const sethostname = (name: Uint8Array) => door.syscall(NR.sethostname, name, name.length);
export const setdomainname = (name: Uint8Array) => door.syscall(NR.setdomainname, name, name.length);
export const keyctl = (operation: number, a: string | number | null, b: number, c: number) =>
  door.syscall(NR.keyctl, operation, a, b, c, 0);
export const seccomp = (operation: number, flags: number, argument: Uint8Array) =>
  door.syscall(NR.seccomp, operation, flags, argument);
export const bpf = (command: number, attributes: Uint8Array) =>
  door.syscall(NR.bpf, command, attributes, attributes.length);
export const getrandom = (buffer: Uint8Array) => door.syscall(NR.getrandom, buffer, buffer.length, 0);
export const clock_gettime = (clock: number, time: Uint8Array) => door.syscall(NR.clock_gettime, clock, time);
export const uname = (buffer: Uint8Array) => door.syscall(NR.uname, buffer);
