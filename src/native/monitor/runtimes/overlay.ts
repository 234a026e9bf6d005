import type { OverlaySettings } from '#common/protocol/container.ts';
import { EINVAL } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { removeDirectory, removeFile } from '#sys/files.ts';
import { createMount } from '#sys/mounts.ts';

/**
 * The layers as one file system, in a mount that is attached nowhere: the host's mount table never shows it.
 * Documentation/filesystems/overlayfs.rst.
 */
export function mountOverlay({ lower, upper, work, volatile }: OverlaySettings): OwnedFd {
  const writable = upper && work ? [`upperdir=${upper}`, `workdir=${work}`] : [];
  // Each layer by itself: together their names would be longer than an option may be. Linux 6.5.
  const apart = [...lower.map((path) => `lowerdir+=${path}`), ...writable];
  const joined = [`lowerdir=${lower.map((path) => path.replace(/[\\:]/g, '\\$&')).join(':')}`, ...writable];
  const ways = [apart, joined];
  if (volatile && work) {
    // They say that an earlier mount was volatile, and that what was written may have been lost: here it may.
    const mark = `${work}/work/incompat/volatile`;
    removeFile(`${mark}/dirty`);
    removeDirectory(mark);
    ways.unshift([...apart, 'volatile'], [...joined, 'volatile']);
  }
  return mountInOneWay(ways);
}

/** Of ways that mean the same, and that kernels know by and by. */
function mountInOneWay([options = [], ...others]: string[][]): OwnedFd {
  try {
    return createMount({ type: 'overlay', options });
  } catch (error) {
    if (!isErrno(error, EINVAL) || others.length === 0) throw error;
    return mountInOneWay(others);
  }
}
