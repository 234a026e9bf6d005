import { textOf } from './bytes.ts';
import { EINVAL, ENOENT, ENOTDIR } from './errno.ts';
import { check, SystemError } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import { statusOf } from './file-status.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, chdir, chroot, fchdir, read } from './raw/file.ts';
import * as raw from './raw/mount.ts';

export interface MountAttributes {
  /** MOUNT_ATTR_ bits to set and to clear. */
  set?: number;
  clear?: number;
  /** One of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE. */
  propagation?: number;
  /** User namespace whose mapping the mount applies to ids: mount_setattr(2), "ID-mapped mounts". */
  userNamespace?: OwnedFd;
}

/** Changes a mount, with `recursive` all mounts below it too. mount_setattr(2). */
export function setMountAttributes(
  mount: number,
  attributes: MountAttributes,
  { recursive = false, object = 'mount' } = {},
): void {
  const { set = 0, clear = 0, propagation = 0, userNamespace } = attributes;
  if (set === 0 && clear === 0 && propagation === 0) return;
  const buffer = raw.mountAttr.pack({
    attr_set: set,
    attr_clr: clear,
    propagation,
    userns_fd: userNamespace?.number ?? 0,
  });
  check(raw.mount_setattr(mount, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), buffer), 'mount_setattr', object);
}

/** A path to what a handle names, which no rename or link can lead elsewhere. proc_pid_fd(5). */
function pathOf(fd: OwnedFd): string {
  return `/proc/self/fd/${fd.number}`;
}

/** A detached copy of the mount at `path`: attach it with attachMount. open_tree(2). */
export function cloneMount(path: string, { at = AT_FDCWD, recursive = false, object = path } = {}): OwnedFd {
  const flags = raw.OPEN_TREE_CLONE | raw.OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return owned(raw.open_tree(at, path, flags), 'open_tree', object);
}

/** Puts a detached mount on top of what `target` names. move_mount(2). */
export function attachMount(mount: OwnedFd, target: OwnedFd, object: string): void {
  const flags = raw.MOVE_MOUNT_F_EMPTY_PATH | raw.MOVE_MOUNT_T_EMPTY_PATH;
  const result = raw.move_mount(mount.number, '', target.number, '', flags);
  // The kernel calls that EINVAL. Callers look for the words that mount(2) has for it.
  if (result === -EINVAL && isDirectory(mount) !== isDirectory(target))
    throw new SystemError('move_mount', ENOTDIR, object, 'Mount a directory on a directory, and a file on a file');
  check(result, 'move_mount', object);
}

function isDirectory(thing: OwnedFd): boolean {
  return statusOf(thing.number).kind === 'directory';
}

export interface NewFileSystem {
  type: string;
  source?: string;
  /** `key` or `key=value`, as mount(8) takes them after -o. */
  options?: readonly string[];
  attributes?: number;
}

/**
 * Mounts a file system on what `target` names. One call of mount(2) does it in a third of the time that the newer calls
 * take; but that answers with a bare number, where those say what is wrong with which option.
 */
export function mountFileSystem(target: OwnedFd, system: NewFileSystem, object: string): void {
  const { type, source = type, options = [], attributes = 0 } = system;
  const data = options.join(',');
  const splits = data.length < DATA_LIMIT && !options.some((option) => option.includes(','));
  if (splits && raw.mount(source, pathOf(target), type, mountFlags(attributes), data || null) === 0) return;
  using made = createMount(system);
  attachMount(made, target, object);
}

/** mount(2): its last argument is at most a page. */
const DATA_LIMIT = 4096;

/** MS_ flags of MOUNT_ATTR_ bits; the lowest four are the same. */
function mountFlags(attributes: number): number {
  let flags = attributes & 0xf;
  if (attributes & raw.MOUNT_ATTR_NOATIME) flags |= raw.MS_NOATIME;
  if (attributes & raw.MOUNT_ATTR_STRICTATIME) flags |= raw.MS_STRICTATIME;
  if (attributes & raw.MOUNT_ATTR_NODIRATIME) flags |= raw.MS_NODIRATIME;
  if (attributes & raw.MOUNT_ATTR_NOSYMFOLLOW) flags |= raw.MS_NOSYMFOLLOW;
  return flags;
}

/** Makes what `source` names visible at `target` too. mount(2), "Creating a bind mount". */
export function bindMount(source: OwnedFd, target: OwnedFd, object: string): void {
  check(raw.mount(pathOf(source), pathOf(target), null, raw.MS_BIND, null), 'mount', object);
}

/** As bindMount, on `name` in a directory that nobody else can change; whether there is a `source`. */
export function bindMountIfAny(source: string, directory: OwnedFd, name: string): boolean {
  const result = raw.mount(source, `${pathOf(directory)}/${name}`, null, raw.MS_BIND, null);
  if (result === -ENOENT) return false;
  check(result, 'mount', source);
  return true;
}

/** A new, detached mount of a file system. fsopen(2), fsconfig(2), fsmount(2). */
export function createMount({ type, source, options = [], attributes = 0 }: NewFileSystem): OwnedFd {
  using context = owned(raw.fsopen(type, raw.FSOPEN_CLOEXEC), 'fsopen', type);
  if (source !== undefined) configure(context, raw.FSCONFIG_SET_STRING, 'source', source);
  for (const option of options) {
    const equals = option.indexOf('=');
    if (equals < 0) configure(context, raw.FSCONFIG_SET_FLAG, option, null);
    else configure(context, raw.FSCONFIG_SET_STRING, option.slice(0, equals), option.slice(equals + 1));
  }
  configure(context, raw.FSCONFIG_CMD_CREATE, null, null, type);
  return owned(raw.fsmount(context.number, raw.FSMOUNT_CLOEXEC, attributes), 'fsmount', type);
}

function configure(context: OwnedFd, command: number, key: string | null, value: string | null, object?: string): void {
  const result = raw.fsconfig(context.number, command, key, value);
  if (result >= 0) return;
  const thing = object ?? (value === null ? `${key}` : `${key}=${value}`);
  throw new SystemError('fsconfig', -result, thing, explanation(context));
}

/** What the kernel says of its own accord: fsopen(2), "Message retrieval interface". */
function explanation(context: OwnedFd): string | undefined {
  const buffer = new Uint8Array(512);
  const length = read(context.number, buffer, buffer.length);
  return length > 2 ? `The kernel says: ${textOf(buffer.subarray(2), length - 2).trim()}` : undefined;
}

/** Makes the mount at the working directory the root, with the old root on top of it, and takes that away. */
export function pivotIntoWorkingDirectory(): void {
  check(raw.pivot_root('.', '.'), 'pivot_root');
  check(raw.umount2('.', raw.MNT_DETACH), 'umount2', 'old root');
}

/** Sets how a mount and all below it share with other mount namespaces: mount_namespaces(7), "Shared subtrees". */
export function setPropagation(target: string, propagation: number, { recursive = true } = {}): void {
  check(raw.mount(null, target, null, propagation | (recursive ? raw.MS_REC : 0), null), 'mount', target);
}

/** Makes a directory the root of this process, and the place where it is. chroot(2). */
export function changeRoot(directory: OwnedFd): void {
  check(fchdir(directory.number), 'fchdir', 'root filesystem');
  check(chroot('.'), 'chroot', 'root filesystem');
  check(chdir('/'), 'chdir', '/');
}

export function unmount(target: string, { detach = true } = {}): void {
  check(raw.umount2(target, detach ? raw.MNT_DETACH : 0), 'umount2', target);
}
