import { ProaError } from '#common/errors.ts';
import type { FilesRoot } from '#common/protocol/files.ts';
import { ENOENT, ESRCH } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openPath } from '#sys/files.ts';
import { processFacts } from '#sys/processes.ts';
import * as raw from '#sys/raw/file.ts';
import { mountStopped } from './stopped.ts';

/** A handle on the root directory, to look at files; what the container has in its own layer cannot be changed by it. */
export function openReadOnly(root: FilesRoot): OwnedFd {
  return 'pid' in root ? openRunning(root) : mountStopped(root, 'read-only');
}

/** The same, to change files. */
export function openWritable(root: FilesRoot): OwnedFd {
  return 'pid' in root ? openRunning(root) : mountStopped(root, 'writable');
}

/**
 * The root directory of a process. Its mount namespace is not entered: what is resolved below this handle sees that
 * namespace's mounts anyway, and paths of our own, such as /proc/self/fd, keep the host's meaning.
 */
function openRunning({ pid, startTime }: { pid: number; startTime: number }): OwnedFd {
  const root = openProcessRoot(pid);
  // The process was there before, since its start time is earlier, and is there now: so it was its root that was opened.
  const facts = processFacts(pid);
  if (root && facts?.startTime === startTime && facts.state !== 'Z') return root;
  root?.close();
  throw new ProaError(`Process ${pid} of the container has ended`, { kind: 'conflict' });
}

function openProcessRoot(pid: number): OwnedFd | undefined {
  try {
    return openPath(`/proc/${pid}/root`, raw.AT_FDCWD, raw.O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, ENOENT, ESRCH)) return undefined;
    throw error;
  }
}
