// Signals, sockets and waiting for events: each function is the call of that name in section 2 of the manual; the
// answer is its result or -errno.
import { door } from '../door.ts';
import { layout } from '../layout.ts';
import * as NR from './generated/numbers.ts';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = 0o2000000;
export const SOCK_NONBLOCK = 0o4000;
export const SOL_SOCKET = 1;
export const SCM_RIGHTS = 1;
export const SO_RCVTIMEO = 20;
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const MSG_PEEK = 0x02;
export const MSG_TRUNC = 0x20;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;
export const SFD_CLOEXEC = 0o2000000;
export const SFD_NONBLOCK = 0o4000;

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 1;
export const EPOLLPRI = 2;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;

export const msghdr = layout('msghdr', {
  name: 'u64',
  namelen: 'u32',
  iov: 'u64',
  iovlen: 'u64',
  control: 'u64',
  controllen: 'u64',
  flags: 's32',
});
export const iovec = layout('iovec', { base: 'u64', len: 'u64' });
export const cmsghdr = layout('cmsghdr', { len: 'u64', level: 's32', type: 's32' });
export const signalfdSiginfo = layout(
  'signalfd_siginfo',
  { signo: 'u32', errno: 's32', code: 's32', pid: 'u32', uid: 'u32' },
  128,
);
export const pollfd = layout('pollfd', { fd: 's32', events: 'u16', revents: 'u16' });
/** With the first eight bytes of the name as a number. */
export const ifreq = layout('ifreq', { name: 'u64', name_rest: 'u64', flags: 'u16' }, 40);
export const itimerspec = layout('itimerspec', {
  interval_sec: 's64',
  interval_nsec: 's64',
  value_sec: 's64',
  value_nsec: 's64',
});

/** struct epoll_event is packed on x86-64 only: epoll_event in <sys/epoll.h>. */
export const epollEventSize = MACHINE === 'x86-64' ? 12 : 16;
export const epollDataOffset = MACHINE === 'x86-64' ? 4 : 8;

export const socket = (domain: number, type: number) => door.syscall(NR.socket, domain, type, 0);
export const socketpair = (domain: number, type: number, pair: Uint8Array) =>
  door.syscall(NR.socketpair, domain, type, 0, pair);
export const bind = (fd: number, address: Uint8Array) => door.syscall(NR.bind, fd, address, address.length);
export const connect = (fd: number, address: Uint8Array) => door.syscall(NR.connect, fd, address, address.length);
export const listen = (fd: number, backlog: number) => door.syscall(NR.listen, fd, backlog);
export const accept4 = (fd: number, flags: number) => door.syscall(NR.accept4, fd, null, null, flags);
export const setsockopt = (fd: number, level: number, option: number, value: Uint8Array) =>
  door.syscall(NR.setsockopt, fd, level, option, value, value.length);
export const shutdown = (fd: number, how: number) => door.syscall(NR.shutdown, fd, how);
export const sendmsg = (fd: number, message: Uint8Array, flags: number) => door.syscall(NR.sendmsg, fd, message, flags);
export const recvmsg = (fd: number, message: Uint8Array, flags: number) => door.syscall(NR.recvmsg, fd, message, flags);
export const rt_sigprocmask = (how: number, set: Uint8Array, old: Uint8Array | null) =>
  door.syscall(NR.rt_sigprocmask, how, set, old, 8);
export const rt_sigaction = (signal: number, action: Uint8Array | null, old: Uint8Array | null) =>
  door.syscall(NR.rt_sigaction, signal, action, old, 8);
export const signalfd4 = (fd: number, mask: Uint8Array, flags: number) =>
  door.syscall(NR.signalfd4, fd, mask, 8, flags);
export const ppoll = (fds: Uint8Array, count: number, timeout: Uint8Array | null) =>
  door.syscall(NR.ppoll, fds, count, timeout, null, 8);
export const epoll_create1 = (flags: number) => door.syscall(NR.epoll_create1, flags);
export const epoll_ctl = (epoll: number, operation: number, fd: number, event: Uint8Array | null) =>
  door.syscall(NR.epoll_ctl, epoll, operation, fd, event);
export const epoll_pwait = (epoll: number, events: Uint8Array, count: number, timeout: number) =>
  door.syscall(NR.epoll_pwait, epoll, events, count, timeout, null, 8);
export const eventfd2 = (initial: number, flags: number) => door.syscall(NR.eventfd2, initial, flags);
export const timerfd_create = (clock: number, flags: number) => door.syscall(NR.timerfd_create, clock, flags);
export const timerfd_settime = (fd: number, flags: number, value: Uint8Array) =>
  door.syscall(NR.timerfd_settime, fd, flags, value, null);
