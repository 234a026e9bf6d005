import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { ENOENT, ESRCH } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openPath } from '#sys/files.ts';
import { signalProcess } from '#sys/processes.ts';

/**
 * The root of a container that has the host's mounts, by the process `pid`, whose handle `target` is: joining the
 * container's namespaces does not lead there.
 */
export function openSharedRoot({ linux }: Config, pid: number, target: OwnedFd): OwnedFd | undefined {
  if (linux?.namespaces?.some(({ type }) => type === 'mount')) return undefined;
  let root: OwnedFd | undefined;
  try {
    root = openPath(`/proc/${pid}/root`);
    // As long as it is there, nobody else has its number.
    if (signalProcess(target, 0)) return root;
  } catch (cause) {
    if (!isErrno(cause, ENOENT, ESRCH)) throw cause;
  }
  root?.close();
  throw new ProaError('cannot exec in a stopped container', { kind: 'conflict' });
}
