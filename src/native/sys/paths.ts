import { ENOENT } from './errno.ts';
import { check, SystemError } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import { modeOf } from './file-status.ts';
import { textOfPath } from './files.ts';
import * as raw from './raw/file.ts';

/**
 * Opens a path inside a root directory that may be hostile: `..`, absolute and symbolic links all stay below `root`,
 * whoever changes them meanwhile. openat2(2), RESOLVE_IN_ROOT. Magic links (/proc/PID/fd) are never followed.
 */
export function openInRoot(root: number, path: raw.Path, flags: number, resolve = 0): OwnedFd {
  return owned(resolveInRoot(root, path, flags, resolve), 'openat2', textOfPath(path));
}

/** As openInRoot, but undefined where there is nothing. */
export function openInRootIfAny(root: number, path: raw.Path, flags: number, resolve = 0): OwnedFd | undefined {
  const fd = resolveInRoot(root, path, flags, resolve);
  return fd === -ENOENT ? undefined : owned(fd, 'openat2', textOfPath(path));
}

/** As openInRoot, but a path or a link that leads out of `root` is refused with EXDEV. openat2(2), RESOLVE_BENEATH. */
export function openBeneath(root: number, path: string, flags: number): OwnedFd {
  return owned(resolve(root, path, howToOpen(flags, raw.RESOLVE_BENEATH)), 'openat2', path);
}

const EAGAIN_TRIES = 64;

/** The same: a descriptor that nobody owns yet, or -errno. */
export function resolveInRoot(root: number, path: raw.Path, flags: number, more: number): number {
  return resolve(root, path, howToOpen(flags, raw.RESOLVE_IN_ROOT | more));
}

function resolve(root: number, path: raw.Path, how: Uint8Array): number {
  let fd = 0;
  // openat2(2), "EAGAIN": a rename somewhere in the system made `..` uncertain; trying again is the documented answer.
  for (let tries = 0; tries < EAGAIN_TRIES; tries++) {
    fd = raw.openat2(root, path === '' ? '.' : path, how);
    if (fd !== -11) break;
  }
  return fd;
}

const hows = new Map<number, Uint8Array>();

/** The same few again and again: each is laid out once. */
function howToOpen(flags: number, resolve: number): Uint8Array {
  const key = resolve * 0x100000000 + flags;
  let how = hows.get(key);
  if (!how) {
    how = raw.openHow.pack({
      flags: flags | raw.O_CLOEXEC,
      resolve: raw.RESOLVE_NO_MAGICLINKS | resolve,
    });
    hows.set(key, how);
  }
  return how;
}

/**
 * A handle on `path` inside `root`, made when it is missing as a directory or an empty file, together with the
 * directories above it. Dangling symbolic links are followed, inside the root, to where they point.
 */
export function makeInRoot(root: number, path: string, kind: 'directory' | 'file', mode = 0o755): OwnedFd {
  const found = openInRootIfAny(root, path, raw.O_PATH);
  if (found !== undefined) return found;
  const made = makeMissing(root, path, kind, mode, 0);
  return made ?? openInRoot(root, path, raw.O_PATH);
}

const MAXIMUM_LINKS = 40;

function makeMissing(
  root: number,
  path: string,
  kind: 'directory' | 'file',
  mode: number,
  links: number,
): OwnedFd | undefined {
  const clean = path.replace(/\/+$/, '');
  const slash = clean.lastIndexOf('/');
  const parentPath = slash > 0 ? clean.slice(0, slash) : '/';
  const name = clean.slice(slash + 1);
  if (name === '' || name === '.' || name === '..') return undefined;
  using parent =
    openInRootIfAny(root, parentPath, raw.O_PATH | raw.O_DIRECTORY) ?? makeParent(root, parentPath, mode, links);
  if (kind === 'directory') {
    const made = raw.mkdirat(parent.number, name, mode);
    if (made === 0)
      return owned(
        raw.openat(parent.number, name, raw.O_PATH | raw.O_DIRECTORY | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0),
        'openat',
        path,
      );
    return followDangling(root, parent, parentPath, { name, kind, mode, links }, made, path);
  }
  const fd = raw.openat(
    parent.number,
    name,
    raw.O_CREAT | raw.O_EXCL | raw.O_NOFOLLOW | raw.O_CLOEXEC | raw.O_WRONLY,
    0o644,
  );
  if (fd >= 0) {
    using file = owned(fd, 'openat', path);
    return owned(
      raw.openat(parent.number, name, raw.O_PATH | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0),
      'openat',
      `fd ${file.number}`,
    );
  }
  return followDangling(root, parent, parentPath, { name, kind, mode, links }, fd, path);
}

function makeParent(root: number, path: string, mode: number, links: number): OwnedFd {
  return makeMissing(root, path, 'directory', mode, links) ?? openInRoot(root, path, raw.O_PATH | raw.O_DIRECTORY);
}

interface Missing {
  name: string;
  kind: 'directory' | 'file';
  mode: number;
  links: number;
}

/** Something with that name came into being, or was a symbolic link to nothing all along. */
function followDangling(
  root: number,
  parent: OwnedFd,
  parentPath: string,
  missing: Missing,
  result: number,
  path: string,
): OwnedFd | undefined {
  const buffer = new Uint8Array(4096);
  const length = raw.readlinkat(parent.number, missing.name, buffer);
  if (length < 0) check(result, missing.kind === 'directory' ? 'mkdirat' : 'openat', path);
  if (missing.links >= MAXIMUM_LINKS) throw new SystemError('openat2', 40, path);
  let target = '';
  for (let at = 0; at < length; at++) target += String.fromCharCode(buffer[at] as number);
  const next = target.startsWith('/') ? target : `${parentPath}/${target}`;
  return makeMissing(root, next, missing.kind, missing.mode, missing.links + 1) ?? openInRoot(root, next, raw.O_PATH);
}

/** Whether what a handle names is a directory. */
export function isDirectory(fd: OwnedFd): boolean {
  return (modeOf(fd.number) & raw.S_IFMT) === raw.S_IFDIR;
}
