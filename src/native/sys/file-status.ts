import { check } from './errors.ts';
import { openFileIfAny, textOfPath } from './files.ts';
import * as raw from './raw/file.ts';

// What is known of files and of the file systems that hold them.

export type FileKind = 'directory' | 'file' | 'symlink' | 'other';

export interface FileStatus {
  /** File type and permission bits: inode(7). */
  mode: number;
  kind: FileKind;
  uid: number;
  gid: number;
  size: number;
  inode: number;
  mountId: number;
  device: { major: number; minor: number };
  /** The device that a device file stands for. */
  special: { major: number; minor: number };
}

const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;

/** What a descriptor, or a path below one, is; symbolic links at the end are not followed. statx(2). */
export function statusOf(fd: number, path: raw.Path = ''): FileStatus {
  return statusIn(statxOf(fd, path));
}

function statxOf(fd: number, path: raw.Path): Uint8Array {
  const buffer = new Uint8Array(raw.statxLayout.size);
  const flags = raw.AT_EMPTY_PATH | raw.AT_SYMLINK_NOFOLLOW;
  check(raw.statx(fd, path, flags, STATX_BASIC_STATS | STATX_MNT_ID, buffer), 'statx', textOfPath(path) || `fd ${fd}`);
  return buffer;
}

function statusIn(buffer: Uint8Array): FileStatus {
  const get = (field: keyof typeof raw.statxLayout.offsets) => raw.statxLayout.get(buffer, field);
  const mode = get('mode');
  return {
    mode,
    kind: kindOfMode(mode & raw.S_IFMT),
    uid: get('uid'),
    gid: get('gid'),
    size: get('size'),
    inode: get('ino'),
    mountId: get('mnt_id'),
    device: { major: get('dev_major'), minor: get('dev_minor') },
    special: { major: get('rdev_major'), minor: get('rdev_minor') },
  };
}

export interface DetailedStatus extends FileStatus {
  /** How many names it has. */
  links: number;
  modified: { seconds: number; nanoseconds: number };
  /** When anything of it changed last: inode(7), "st_ctime". */
  changed: { seconds: number; nanoseconds: number };
}

/** As `statusOf`, with what archives hold besides. */
export function detailedStatusOf(fd: number, path: raw.Path): DetailedStatus {
  const buffer = statxOf(fd, path);
  const get = (field: keyof typeof raw.statxLayout.offsets) => raw.statxLayout.get(buffer, field);
  const modified = { seconds: get('mtime_sec'), nanoseconds: get('mtime_nsec') };
  const changed = { seconds: get('ctime_sec'), nanoseconds: get('ctime_nsec') };
  return { ...statusIn(buffer), links: get('nlink'), modified, changed };
}

/** As `statusOf`, by a path at whose end symbolic links are followed; undefined where there is nothing. */
export function statusIfAny(path: string): FileStatus | undefined {
  using file = openFileIfAny(path, raw.O_PATH);
  return file && statusOf(file.number);
}

/** Whether both are one file. */
export function sameFile(a: FileStatus, b: FileStatus | undefined): boolean {
  return a.inode === b?.inode && a.device.major === b.device.major && a.device.minor === b.device.minor;
}

const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** Whether something is mounted over a name, in the mount namespace that the descriptor is of. statx(2). */
export function isMountPoint(fd: number, path: raw.Path): boolean {
  return (raw.statxLayout.get(statxOf(fd, path), 'attributes') & STATX_ATTR_MOUNT_ROOT) !== 0;
}

const STATX_TYPE = 1;

/** File type and permission bits alone: where only those are asked for. */
export function modeOf(fd: number): number {
  const buffer = new Uint8Array(raw.statxLayout.size);
  check(raw.statx(fd, '', raw.AT_EMPTY_PATH, STATX_TYPE, buffer), 'statx', `fd ${fd}`);
  return raw.statxLayout.get(buffer, 'mode');
}

const STATX_INO = 0x100;
let inodeBuffer: Uint8Array | undefined;

/** The inode number alone of what a descriptor, or a path below one, is. */
export function inodeOf(fd: number, path: raw.Path = ''): number {
  inodeBuffer ??= new Uint8Array(raw.statxLayout.size);
  const flags = raw.AT_EMPTY_PATH | raw.AT_SYMLINK_NOFOLLOW;
  check(raw.statx(fd, path, flags, STATX_INO, inodeBuffer), 'statx', textOfPath(path) || `fd ${fd}`);
  return raw.statxLayout.get(inodeBuffer, 'ino');
}

function kindOfMode(type: number): FileKind {
  if (type === raw.S_IFDIR) return 'directory';
  if (type === raw.S_IFREG) return 'file';
  return type === raw.S_IFLNK ? 'symlink' : 'other';
}

/** The magic number of the file system that holds `fd`: statfs(2). */
export function fileSystemType(fd: number): number {
  const buffer = new Uint8Array(raw.statfsLayout.size);
  check(raw.fstatfs(fd, buffer), 'fstatfs', `fd ${fd}`);
  return raw.statfsLayout.get(buffer, 'type');
}

const ST_RDONLY = 1;

/** Whether nothing can be written where `fd` is, by its mount or its file system. statfs(2). */
export function isReadOnly(fd: number): boolean {
  const buffer = new Uint8Array(raw.statfsLayout.size);
  check(raw.fstatfs(fd, buffer), 'fstatfs', `fd ${fd}`);
  return (raw.statfsLayout.get(buffer, 'flags') & ST_RDONLY) !== 0;
}

export const CGROUP2_SUPER_MAGIC = 0x63677270;
export const PROC_SUPER_MAGIC = 0x9fa0;
