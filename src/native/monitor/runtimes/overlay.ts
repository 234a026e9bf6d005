import type { OverlaySettings } from '#common/protocol/container.ts';
import { EINVAL } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { createMount } from '#sys/mounts.ts';

/**
 * The layers as one file system, in a mount that is attached nowhere: the host's mount table never shows it.
 * Documentation/filesystems/overlayfs.rst.
 */
export function mountOverlay({ lower, upper, work }: OverlaySettings): OwnedFd {
  const writable = upper && work ? [`upperdir=${upper}`, `workdir=${work}`] : [];
  try {
    // Each layer by itself: together their names would be longer than an option may be. Linux 6.5.
    return createMount({ type: 'overlay', options: [...lower.map((path) => `lowerdir+=${path}`), ...writable] });
  } catch (error) {
    if (!isErrno(error, EINVAL)) throw error;
    const joined = lower.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':');
    return createMount({ type: 'overlay', options: [`lowerdir=${joined}`, ...writable] });
  }
}
