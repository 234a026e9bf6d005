import { ProaError } from '#common/errors.ts';
import { EXDEV } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory, openFile, openPath } from '#sys/files.ts';
import { cloneMount } from '#sys/mounts.ts';
import { joinNamespace } from '#sys/namespaces.ts';
import { openBeneath, openInRoot } from '#sys/paths.ts';
import { AT_FDCWD, fchdir, O_DIRECTORY, O_PATH } from '#sys/raw/file.ts';
import { CLONE_NEWNS, exit_group } from '#sys/raw/process.ts';

// Sources of bind mounts that a path alone does not lead to.

/** A path below the root directory of a process, as the host sees it. proc_pid_root(5). */
const BELOW_PROCESS = /^\/proc\/(\d+)\/root(\/.*)$/;

export interface FoundSource {
  source: string;
  /** What of it is mounted: `X-mount.subdir` of mount(8). */
  subdirectory: string | undefined;
  recursive: boolean;
}

/** A detached copy of what is mounted; undefined where the path of the source is all that there is to it. */
export function cloneFound({ source, subdirectory, recursive }: FoundSource): OwnedFd | undefined {
  if (subdirectory !== undefined) return cloneSubdirectory(source, subdirectory, recursive);
  const [, pid, path] = BELOW_PROCESS.exec(source) ?? [];
  return pid === undefined || path === undefined ? undefined : cloneOfProcess(source, { pid, path, recursive });
}

/** Others may write to the directory: a link in it that leads out is refused, whenever it comes to be there. */
function cloneSubdirectory(source: string, subdirectory: string, recursive: boolean): OwnedFd {
  using root = openPath(source, AT_FDCWD, O_DIRECTORY);
  try {
    using place = openBeneath(root.number, subdirectory.replace(/^\/+/, '') || '.', O_PATH);
    return cloneMount('', { at: place.number, recursive, object: `${source}/${subdirectory}` });
  } catch (cause) {
    if (!isErrno(cause, EXDEV)) throw cause;
    throw new ProaError(`"${subdirectory}" leads out of "${source}"`, { kind: 'invalid', cause });
  }
}

/**
 * Of a mount that another process has, in its own mount namespace: only there it can be copied. The path is resolved in that
 * process's root, which may be hostile, and what it leads to is copied only if it is of that namespace: open_tree(2) refuses
 * all others. Between the two steps into and out of it nothing is looked up by a path.
 */
function cloneOfProcess(
  source: string,
  { pid, path, recursive }: { pid: string; path: string; recursive: boolean },
): OwnedFd {
  using working = openDirectory('.');
  using own = openFile('/proc/self/ns/mnt');
  using theirs = openFile(`/proc/${pid}/ns/mnt`);
  using root = openPath(`/proc/${pid}/root`, AT_FDCWD, O_DIRECTORY);
  using place = openInRoot(root.number, path, O_PATH);
  joinNamespace(theirs, CLONE_NEWNS, source);
  try {
    return cloneMount('', { at: place.number, recursive, object: source });
  } finally {
    comeBack(own, working);
  }
}

/** Or end: whoever went on in a foreign root would clean up there, by paths. */
function comeBack(own: OwnedFd, working: OwnedFd): void {
  try {
    joinNamespace(own, CLONE_NEWNS, 'own mount namespace');
    check(fchdir(working.number), 'fchdir', '.');
  } catch {
    exit_group(1);
  }
}
