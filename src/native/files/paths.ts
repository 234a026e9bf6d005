import { ProaError } from '#common/errors.ts';
import { byteText, kernelPath, shown } from '#native/unpack/names.ts';
import { utf8 } from '#sys/bytes.ts';
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '#sys/errno.ts';
import { SystemError } from '#sys/errors.ts';
import { OwnedFd } from '#sys/fd.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';

/** A path of a request as Docker reads it: the last part may be a link, which `/` or `/.` after it asks to follow. */
export interface Requested {
  /** Byte text without `.`, `..` and empty parts; the root itself is empty. */
  path: string;
  /** Byte text: the last part; `/` for the root, `.` where the path ends so. */
  name: string;
  /** It has to be a directory. */
  directory: boolean;
}

export function requestedPath(text: string): Requested {
  const parts: string[] = [];
  const words = byteText(utf8(text)).split('/');
  for (const word of words)
    if (word === '..') parts.pop();
    else if (word !== '' && word !== '.') parts.push(word);
  const last = words.findLast((word) => word !== '');
  const name = last === '.' ? '.' : (parts.at(-1) ?? '/');
  return { path: parts.join('/'), name, directory: last === '.' || words.at(-1) === '' };
}

/** A handle on what a path names; a link at its end is not followed unless it has to be a directory. */
export function openRequested(root: OwnedFd, { path, directory }: Requested): OwnedFd {
  const flags = raw.O_PATH | (directory ? raw.O_DIRECTORY : raw.O_NOFOLLOW);
  const fd = resolveInRoot(root.number, path === '' ? '.' : kernelPath(path), flags, 0);
  if (fd >= 0) return new OwnedFd(fd);
  throw failedPath(root, path, -fd);
}

/** Why a path does not lead to a directory, or to anything. */
export function failedPath(root: OwnedFd, path: string, errno: number): Error {
  const text = shown(`/${path}`);
  if (errno !== ENOENT && errno !== ENOTDIR) return unusable(path, errno);
  // ENOTDIR is also answered where a part before the last is a file.
  const isThere = errno === ENOTDIR && exists(root, path);
  if (isThere) return new ProaError(`"${text}" is not a directory`, { kind: 'invalid' });
  return new ProaError(`Could not find the file ${text} in container`, { kind: 'not-found' });
}

/** The kernel's words for too many links and too long names do not say whose fault that is. */
function unusable(path: string, errno: number): Error {
  const cause = new SystemError('openat2', errno, shown(path));
  if (errno !== ELOOP && errno !== ENAMETOOLONG) return cause;
  return new ProaError('The path leads nowhere', { kind: 'invalid', cause });
}

function exists(root: OwnedFd, path: string): boolean {
  const fd = resolveInRoot(root.number, kernelPath(path), raw.O_PATH, 0);
  if (fd >= 0) raw.close(fd);
  return fd >= 0;
}

const MAXIMUM_LINKS = 40;

/**
 * Where a path leads: byte text without links, relative to the root. What does not exist stays as it is written. Others
 * may change links meanwhile, so whoever uses the answer has it resolved inside the root again.
 */
export function canonicalPath(root: OwnedFd, path: string): string {
  const waiting = path.split('/').reverse();
  let parts: string[] = [];
  let links = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part === '..') parts.pop();
    if (part === '' || part === '.' || part === '..') continue;
    const target = linkTarget(root, [...parts, part].join('/'));
    if (target === undefined) {
      parts.push(part);
      continue;
    }
    if (++links > MAXIMUM_LINKS) throw unusable(path, ELOOP);
    if (target.startsWith('/')) parts = [];
    waiting.push(...target.split('/').reverse());
  }
  return parts.join('/');
}

function linkTarget(root: OwnedFd, path: string): string | undefined {
  const fd = resolveInRoot(root.number, kernelPath(path), raw.O_PATH | raw.O_NOFOLLOW, raw.RESOLVE_NO_SYMLINKS);
  if (fd < 0) return undefined;
  using file = new OwnedFd(fd);
  return linkOf(file);
}

/** Where a link leads, as byte text; undefined where it is none. */
export function linkOf(file: OwnedFd): string | undefined {
  const buffer = new Uint8Array(4096);
  const length = raw.readlinkat(file.number, '', buffer);
  return length < 0 ? undefined : byteText(buffer.subarray(0, length));
}
