import { ProaError } from '#common/errors.ts';
import type { Linux, Process } from '#common/runtime-spec/types.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { fileSystemType, PROC_SUPER_MAGIC } from '#sys/file-status.ts';
import { openPath } from '#sys/files.ts';

/**
 * The host's /proc, held by descriptor: what is written to a process or sysctl through it cannot be led elsewhere by
 * what an image mounts or links (CVE-2019-19921, CVE-2025-52881). undefined where nothing will be.
 */
export function openHostProc(process: Process, linux?: Linux): OwnedFd | undefined {
  if (!process.apparmorProfile && !process.selinuxLabel && !linux?.sysctl) return undefined;
  const proc = openPath('/proc');
  if (fileSystemType(proc.number) === PROC_SUPER_MAGIC) return proc;
  proc.close();
  throw new ProaError('"/proc" is not a proc file system', {
    kind: 'unsupported',
    remedy: 'Mount one: mount -t proc proc /proc',
  });
}
