import { ProaError } from '#common/errors.ts';
import { ENOENT, ENOTDIR } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { DisposableList, type OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
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

/**
 * The host's /dev/null, verified: the container's own could be a link to something else (CVE-2025-31133). Read-only, which
 * is no matter for what is written to the device: its permissions are everybody's.
 */
function cloneNullDevice(): OwnedFd {
  const device = cloneMount('/dev/null');
  const { mode, special } = statusOf(device.number);
  if ((mode & 0o170000) === 0o020000 && special.major === 1 && special.minor === 3) {
    setMountAttributes(device.number, { set: MOUNT_ATTR_RDONLY }, { object: '/dev/null' });
    return device;
  }
  device.close();
  throw new ProaError('"/dev/null" of the host is not the null device', { kind: 'unsupported' });
}

const emptyDirectory: NewFileSystem = {
  type: 'tmpfs',
  options: ['size=0', 'nr_inodes=1', 'mode=755'],
  attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

/** Hides paths: files behind the null device, directories behind one empty read-only file system for all of them. */
export function maskPaths(root: OwnedFd, paths: readonly string[]): void {
  using opened = new DisposableList();
  // The first of a kind is what the others are copies of.
  const covers: { file?: OwnedFd | undefined; directory?: OwnedFd | undefined } = {};
  for (const path of paths) {
    using target = openPathInRoot(root, path);
    if (target === undefined) continue;
    const kind = isDirectory(target) ? 'directory' : 'file';
    const cover = covers[kind];
    if (cover) bindMount(cover, target, path);
    else if (kind === 'file') {
      covers.file = opened.add(cloneNullDevice());
      attachMount(covers.file, target, path);
    } else {
      mountFileSystem(target, emptyDirectory, path);
      // What was opened before is the directory below the mount.
      covers.directory = opened.add(openPathInRoot(root, path));
    }
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
