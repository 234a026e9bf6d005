// Mounts: each function is the call of that name in section 2 of the manual; the answer is its result or -errno.
import { door } from '../door.ts';
import { layout } from '../layout.ts';
import type { Path } from './file.ts';
import * as NR from './generated/numbers.ts';

export const MS_REMOUNT = 32;
export const MS_NOSYMFOLLOW = 256;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 2048;
export const MS_BIND = 4096;
export const MS_MOVE = 8192;
export const MS_REC = 16384;
export const MS_UNBINDABLE = 1 << 17;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;
export const MS_STRICTATIME = 1 << 24;
export const MNT_DETACH = 2;

export const OPEN_TREE_CLONE = 1;
export const OPEN_TREE_CLOEXEC = 0o2000000;
export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
export const FSCONFIG_SET_FLAG = 0;
export const FSCONFIG_SET_STRING = 1;
export const FSCONFIG_CMD_CREATE = 6;
export const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
export const MOUNT_ATTR__ATIME = 0x70;
export const MOUNT_ATTR_RELATIME = 0;
export const MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_STRICTATIME = 0x20;
export const MOUNT_ATTR_NODIRATIME = 0x80;
export const MOUNT_ATTR_IDMAP = 0x100000;
export const MOUNT_ATTR_NOSYMFOLLOW = 0x200000;

export const mountAttr = layout('mount_attr', {
  attr_set: 'u64',
  attr_clr: 'u64',
  propagation: 'u64',
  userns_fd: 'u64',
});

export const mount = (source: Path | null, target: Path, type: string | null, flags: number, data: string | null) =>
  door.syscall(NR.mount, source, target, type, flags, data);
export const umount2 = (target: Path, flags: number) => door.syscall(NR.umount2, target, flags);
export const pivot_root = (root: Path, old: Path) => door.syscall(NR.pivot_root, root, old);
export const open_tree = (directory: number, path: Path, flags: number) =>
  door.syscall(NR.open_tree, directory, path, flags);
export const move_mount = (from: number, source: Path, to: number, target: Path, flags: number) =>
  door.syscall(NR.move_mount, from, source, to, target, flags);
export const mount_setattr = (directory: number, path: Path, flags: number, attributes: Uint8Array) =>
  door.syscall(NR.mount_setattr, directory, path, flags, attributes, attributes.length);
export const fsopen = (type: string, flags: number) => door.syscall(NR.fsopen, type, flags);
export const fsconfig = (fd: number, command: number, key: string | null, value: string | null) =>
  door.syscall(NR.fsconfig, fd, command, key, value, 0);
export const fsmount = (fd: number, flags: number, attributes: number) =>
  door.syscall(NR.fsmount, fd, flags, attributes);
