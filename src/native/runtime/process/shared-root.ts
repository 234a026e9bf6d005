import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openPath } from '#sys/files.ts';
import { signalProcess } from '#sys/processes.ts';

/**
 * The root of a container that has the host's mounts, by the process `pid`, whose handle `target` is: joining the
 * container's namespaces does not lead there.
 */
export function openSharedRoot({ linux }: Config, pid: number, target: OwnedFd): OwnedFd | undefined {
  if (linux?.namespaces?.some(({ type }) => type === 'mount')) return undefined;
  const root = openPath(`/proc/${pid}/root`);
  // As long as it is there, nobody else has its number.
  if (signalProcess(target, 0)) return root;
  root.close();
  throw new ProaError('cannot exec in a stopped container', { kind: 'conflict' });
}
