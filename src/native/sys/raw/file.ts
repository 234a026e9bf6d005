// Files and descriptors: each function is the call of that name in section 2 of the manual; the answer is its result
// or -errno.
import { door } from '../door.ts';
import { layout } from '../layout.ts';
import * as NR from './generated/numbers.ts';

export type Path = string | Uint8Array;

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_RECURSIVE = 0x8000;
export const RENAME_NOREPLACE = 1;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = MACHINE === 'x86-64' ? 0o200000 : 0o40000;
export const O_NOFOLLOW = MACHINE === 'x86-64' ? 0o400000 : 0o100000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;
export const MFD_NOEXEC_SEAL = 8;
export const MFD_EXEC = 16;
export const F_DUPFD_CLOEXEC = 1030;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const FD_CLOEXEC = 1;
export const F_SETLK = 6;
export const F_SETPIPE_SZ = 1031;
export const F_ADD_SEALS = 1033;
export const F_GET_SEALS = 1034;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;
export const F_SEAL_WRITE = 8;
export const F_SETLKW = 7;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export const CLOSE_RANGE_CLOEXEC = 4;
export const LOCK_EX = 2;
export const LOCK_NB = 4;

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export const openHow = layout('open_how', { flags: 'u64', mode: 'u64', resolve: 'u64' });

export const flockLayout = layout('flock', { type: 'u16', whence: 'u16', start: 's64', len: 's64', pid: 's32' });

export const statxLayout = layout(
  'statx',
  {
    mask: 'u32',
    blksize: 'u32',
    attributes: 'u64',
    nlink: 'u32',
    uid: 'u32',
    gid: 'u32',
    mode: 'u16',
    spare: 'u16',
    ino: 'u64',
    size: 'u64',
    blocks: 'u64',
    attributes_mask: 'u64',
    atime_sec: 's64',
    atime_nsec: 'u32',
    atime_pad: 'u32',
    btime_sec: 's64',
    btime_nsec: 'u32',
    btime_pad: 'u32',
    ctime_sec: 's64',
    ctime_nsec: 'u32',
    ctime_pad: 'u32',
    mtime_sec: 's64',
    mtime_nsec: 'u32',
    mtime_pad: 'u32',
    rdev_major: 'u32',
    rdev_minor: 'u32',
    dev_major: 'u32',
    dev_minor: 'u32',
    mnt_id: 'u64',
  },
  256,
);

export const statfsLayout = layout(
  'statfs',
  {
    type: 's64',
    bsize: 's64',
    blocks: 'u64',
    bfree: 'u64',
    bavail: 'u64',
    files: 'u64',
    ffree: 'u64',
    fsid: 'u64',
    namelen: 's64',
    frsize: 's64',
    flags: 's64',
  },
  120,
);

export const openat = (directory: number, path: Path, flags: number, mode: number) =>
  door.syscall(NR.openat, directory, path, flags, mode);
export const openat2 = (directory: number, path: Path, how: Uint8Array) =>
  door.syscall(NR.openat2, directory, path, how, how.length);
export const close = (fd: number) => door.syscall(NR.close, fd);
export const close_range = (first: number, last: number, flags: number) =>
  door.syscall(NR.close_range, first, last, flags);
export const read = (fd: number, buffer: Uint8Array, length: number) => door.syscall(NR.read, fd, buffer, length);
export const fsync = (fd: number) => door.syscall(NR.fsync, fd);
export const write = (fd: number, buffer: Uint8Array | string, length: number) =>
  door.syscall(NR.write, fd, buffer, length);
export const pread64 = (fd: number, buffer: Uint8Array, length: number, offset: number) =>
  door.syscall(NR.pread64, fd, buffer, length, offset);
export const pwrite64 = (fd: number, buffer: Uint8Array, length: number, offset: number) =>
  door.syscall(NR.pwrite64, fd, buffer, length, offset);
/** At the places where both descriptors stand. */
export const splice = (from: number, to: number, length: number, flags: number) =>
  door.syscall(NR.splice, from, null, to, null, length, flags);
/** At the places where both descriptors stand. */
export const sendfile = (to: number, from: number, length: number) => door.syscall(NR.sendfile, to, from, null, length);
export const ftruncate = (fd: number, length: number) => door.syscall(NR.ftruncate, fd, length);
export const memfd_create = (name: string, flags: number) => door.syscall(NR.memfd_create, name, flags);
export const statx = (directory: number, path: Path, flags: number, mask: number, buffer: Uint8Array) =>
  door.syscall(NR.statx, directory, path, flags, mask, buffer);
export const fstatfs = (fd: number, buffer: Uint8Array) => door.syscall(NR.fstatfs, fd, buffer);
export const statfs = (path: Path, buffer: Uint8Array) => door.syscall(NR.statfs, path, buffer);
export const mkdirat = (directory: number, path: Path, mode: number) => door.syscall(NR.mkdirat, directory, path, mode);
export const unlinkat = (directory: number, path: Path, flags: number) =>
  door.syscall(NR.unlinkat, directory, path, flags);
export const renameat2 = (from: number, old: Path, to: number, path: Path, flags: number) =>
  door.syscall(NR.renameat2, from, old, to, path, flags);
export const symlinkat = (target: Path, directory: number, path: Path) =>
  door.syscall(NR.symlinkat, target, directory, path);
export const linkat = (from: number, old: Path, to: number, path: Path, flags: number) =>
  door.syscall(NR.linkat, from, old, to, path, flags);
export const mknodat = (directory: number, path: Path, mode: number, device: number | bigint) =>
  door.syscall(NR.mknodat, directory, path, mode, device);
export const readlinkat = (directory: number, path: Path, buffer: Uint8Array) =>
  door.syscall(NR.readlinkat, directory, path, buffer, buffer.length);
export const fchmodat = (directory: number, path: Path, mode: number) =>
  door.syscall(NR.fchmodat, directory, path, mode);
export const fchmod = (fd: number, mode: number) => door.syscall(NR.fchmod, fd, mode);
export const fchownat = (directory: number, path: Path, uid: number, gid: number, flags: number) =>
  door.syscall(NR.fchownat, directory, path, uid, gid, flags);
/** Without a path: the file that is open as `directory`. */
export const utimensat = (directory: number, path: Path | null, times: Uint8Array, flags: number) =>
  door.syscall(NR.utimensat, directory, path, times, flags);
export const fgetxattr = (fd: number, name: Path, value: Uint8Array) =>
  door.syscall(NR.fgetxattr, fd, name, value, value.length);
export const getxattr = (path: Path, name: Path, value: Uint8Array) =>
  door.syscall(NR.getxattr, path, name, value, value.length);
export const fsetxattr = (fd: number, name: Path, value: Uint8Array, length: number) =>
  door.syscall(NR.fsetxattr, fd, name, value, length, 0);
export const lsetxattr = (path: Path, name: Path, value: Uint8Array, length: number) =>
  door.syscall(NR.lsetxattr, path, name, value, length, 0);
export const flistxattr = (fd: number, list: Uint8Array) => door.syscall(NR.flistxattr, fd, list, list.length);
export const listxattr = (path: Path, list: Uint8Array) => door.syscall(NR.listxattr, path, list, list.length);
export const getdents64 = (fd: number, buffer: Uint8Array) => door.syscall(NR.getdents64, fd, buffer, buffer.length);
export const fcntl = (fd: number, command: number, argument: number | Uint8Array) =>
  door.syscall(NR.fcntl, fd, command, argument);
export const flock = (fd: number, operation: number) => door.syscall(NR.flock, fd, operation);
export const dup3 = (fd: number, as: number, flags: number) => door.syscall(NR.dup3, fd, as, flags);
export const pipe2 = (pair: Uint8Array, flags: number) => door.syscall(NR.pipe2, pair, flags);
export const faccessat2 = (directory: number, path: Path, mode: number, flags: number) =>
  door.syscall(NR.faccessat2, directory, path, mode, flags);
export const chdir = (path: Path) => door.syscall(NR.chdir, path);
export const fchdir = (fd: number) => door.syscall(NR.fchdir, fd);
export const chroot = (path: Path) => door.syscall(NR.chroot, path);
export const umask = (mask: number) => door.syscall(NR.umask, mask);
export const ioctl = (fd: number, request: number, argument: number | Uint8Array | null) =>
  door.syscall(NR.ioctl, fd, request, argument);
export const getcwd = (buffer: Uint8Array) => door.syscall(NR.getcwd, buffer, buffer.length);
