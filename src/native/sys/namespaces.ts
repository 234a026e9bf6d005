import { check } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import { ioctl } from './raw/file.ts';
import * as raw from './raw/process.ts';
import * as wait from './raw/wait.ts';

/** Namespace types of the runtime specification, with the flag of clone(2) and the name in /proc/PID/ns. */
export const namespaceTypes = {
  user: { flag: raw.CLONE_NEWUSER, file: 'user' },
  pid: { flag: raw.CLONE_NEWPID, file: 'pid' },
  mount: { flag: raw.CLONE_NEWNS, file: 'mnt' },
  network: { flag: raw.CLONE_NEWNET, file: 'net' },
  ipc: { flag: raw.CLONE_NEWIPC, file: 'ipc' },
  uts: { flag: raw.CLONE_NEWUTS, file: 'uts' },
  cgroup: { flag: raw.CLONE_NEWCGROUP, file: 'cgroup' },
  time: { flag: raw.CLONE_NEWTIME, file: 'time' },
} as const;

export type NamespaceType = keyof typeof namespaceTypes;

/**
 * Enters a namespace: of a file of /proc/PID/ns with one type's flag, or several of a process by its pidfd. For pid and
 * time only children are affected. setns(2).
 */
export function joinNamespace(fd: OwnedFd, flags: number, object: string): void {
  check(raw.setns(fd.number, flags), 'setns', object);
}

export function unshareNamespaces(flags: number, object: string): void {
  check(raw.unshare(flags), 'unshare', object);
}

const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** "lo", as the first bytes of a name. */
const LOOPBACK = 0x6f6c;

/** Takes the loopback device of this network namespace into service: a new one has it down. netdevice(7). */
export function raiseLoopback(): void {
  // The request goes to the device whatever the socket's family is, and every kernel has this one.
  using socket = owned(wait.socket(wait.AF_UNIX, wait.SOCK_DGRAM | wait.SOCK_CLOEXEC), 'socket');
  check(ioctl(socket.number, SIOCSIFFLAGS, wait.ifreq.pack({ name: LOOPBACK, flags: IFF_UP })), 'ioctl', 'lo');
}
