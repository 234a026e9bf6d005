import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory, openFile, openPath } from '#sys/files.ts';
import { cloneMount } from '#sys/mounts.ts';
import { joinNamespace } from '#sys/namespaces.ts';
import { openInRoot } from '#sys/paths.ts';
import { AT_FDCWD, fchdir, O_DIRECTORY, O_PATH } from '#sys/raw/file.ts';
import { CLONE_NEWNS } from '#sys/raw/process.ts';

/** A path below the root directory of a process, as the host sees it. proc_pid_root(5). */
const BELOW_PROCESS = /^\/proc\/(\d+)\/root(\/.*)$/;

export function isOfProcess(source: string): boolean {
  return BELOW_PROCESS.test(source);
}

/**
 * A detached copy of a mount that another process has, in its own mount namespace: only there it can be copied. The path is
 * resolved in that process's root, which may be hostile, and what it leads to is copied only if it is of that namespace:
 * open_tree(2) refuses all others. Between the two steps into and out of it nothing is looked up by a path.
 */
export function cloneMountOfProcess(source: string, { recursive }: { recursive: boolean }): OwnedFd {
  const [, pid, path = '/'] = BELOW_PROCESS.exec(source) ?? [];
  using working = openDirectory('.');
  using own = openFile('/proc/self/ns/mnt');
  using theirs = openFile(`/proc/${pid}/ns/mnt`);
  using root = openPath(`/proc/${pid}/root`, AT_FDCWD, O_DIRECTORY);
  using place = openInRoot(root.number, path, O_PATH);
  joinNamespace(theirs, CLONE_NEWNS, source);
  try {
    return cloneMount('', { at: place.number, recursive, object: source });
  } finally {
    joinNamespace(own, CLONE_NEWNS, 'own mount namespace');
    check(fchdir(working.number), 'fchdir', '.');
  }
}
