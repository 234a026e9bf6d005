import { ProaError } from '#common/errors.ts';
import { ENOENT, ENOTDIR } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { openPath } from '#sys/files.ts';
import {
  attachMount,
  bindMount,
  cloneMount,
  mountFileSystem,
  type NewFileSystem,
  setMountAttributes,
} from '#sys/mounts.ts';
import { isDirectory, openInRootIfAny } from '#sys/paths.ts';
import { O_PATH } from '#sys/raw/file.ts';
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '#sys/raw/mount.ts';

/** The host's /dev/null, verified: the container's own could be a link to something else (CVE-2025-31133). */
export function openNullDevice(): OwnedFd {
  const device = openPath('/dev/null');
  const { mode, special } = statusOf(device.number);
  if ((mode & 0o170000) === 0o020000 && special.major === 1 && special.minor === 3) return device;
  device.close();
  throw new ProaError('"/dev/null" of the host is not the null device', { kind: 'unsupported' });
}

const emptyDirectory: NewFileSystem = {
  type: 'tmpfs',
  options: ['size=0', 'nr_inodes=1', 'mode=755'],
  attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

/** Hides paths: files behind the null device, directories behind one empty read-only file system for all of them. */
export function maskPaths(root: OwnedFd, paths: readonly string[], nullDevice: OwnedFd): void {
  let empty: OwnedFd | undefined;
  try {
    for (const path of paths) {
      using target = openPathInRoot(root, path);
      if (target === undefined) continue;
      if (!isDirectory(target)) bindMount(nullDevice, target, path);
      else if (empty) bindMount(empty, target, path);
      else {
        mountFileSystem(target, emptyDirectory, path);
        // What was opened before is the directory below the mount.
        empty = openPathInRoot(root, path);
      }
    }
  } finally {
    empty?.close();
  }
}

/** Makes paths read-only, with all mounts below them. */
export function protectPaths(root: OwnedFd, paths: readonly string[]): void {
  for (const path of paths) {
    using target = openPathInRoot(root, path);
    if (target === undefined) continue;
    using cover = cloneMount('', { at: target.number, recursive: true, object: path });
    setMountAttributes(cover.number, { set: MOUNT_ATTR_RDONLY }, { recursive: true, object: path });
    attachMount(cover, target, path);
  }
}

function openPathInRoot(root: OwnedFd, path: string): OwnedFd | undefined {
  try {
    return openInRootIfAny(root.number, path, O_PATH);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) return undefined;
    throw error;
  }
}
