import { check } from './errors.ts';
import type { OwnedFd } from './fd.ts';
import * as raw from './raw/process.ts';

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
