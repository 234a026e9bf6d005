import { ProaError } from '#common/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { fileSystemType, openPath, PROC_SUPER_MAGIC } from '#sys/files.ts';

/**
 * The host's /proc, held by descriptor: what is written to a process or sysctl through it cannot be led elsewhere by
 * what an image mounts or links (CVE-2019-19921, CVE-2025-52881).
 */
export function openHostProc(): OwnedFd {
  const proc = openPath('/proc');
  if (fileSystemType(proc.number) === PROC_SUPER_MAGIC) return proc;
  proc.close();
  throw new ProaError('"/proc" is not a proc file system', {
    kind: 'unsupported',
    remedy: 'Mount one: mount -t proc proc /proc',
  });
}
