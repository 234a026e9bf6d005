import { textOf, utf8 } from './bytes.ts';
import { EAGAIN, EEXIST, EISDIR, ENOENT } from './errno.ts';
import { check, uninterrupted } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import * as raw from './raw/file.ts';

export interface OpenOptions {
  flags?: number;
  mode?: number;
  /** What a relative path starts from; default: the working directory. */
  at?: number;
}

/** Opens close-on-exec, for reading unless `flags` says otherwise. openat(2). */
export function openFile(
  path: string,
  { flags = raw.O_RDONLY, mode = 0, at = raw.AT_FDCWD }: OpenOptions = {},
): OwnedFd {
  return owned(
    uninterrupted(() => raw.openat(at, path, flags | raw.O_CLOEXEC, mode)),
    'openat',
    path,
  );
}

/** As `openFile` for reading; undefined where there is no file. */
export function openFileIfAny(path: string, flags = raw.O_RDONLY): OwnedFd | undefined {
  const fd = uninterrupted(() => raw.openat(raw.AT_FDCWD, path, flags | raw.O_CLOEXEC, 0));
  return fd === -ENOENT ? undefined : owned(fd, 'openat', path);
}

export function openDirectory(path: string, at = raw.AT_FDCWD): OwnedFd {
  return openFile(path, { flags: raw.O_DIRECTORY, at });
}

/** A handle that names a file without opening it: open(2), "O_PATH". */
export function openPath(path: string, at = raw.AT_FDCWD, flags = 0): OwnedFd {
  return openFile(path, { flags: raw.O_PATH | flags, at });
}

/**
 * Opens for reading what a handle names and nothing else, whatever has its path by now. Look at its type first: to open
 * a device may do something, and to open a pipe waits. proc_pid_fd(5).
 */
export function reopenFile(handle: OwnedFd): OwnedFd {
  return openFile(`/proc/self/fd/${handle.number}`, { flags: raw.O_NONBLOCK });
}

/** Everything up to the end of the file. */
export function readAll(fd: number, object?: string): Uint8Array {
  // With its page's head it fills four.
  let buffer = new Uint8Array(16368);
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const room = length === 0 ? buffer : buffer.subarray(length);
    const count = check(
      uninterrupted(() => raw.read(fd, room, room.length)),
      'read',
      object,
    );
    if (count === 0) return buffer.subarray(0, length);
    length += count;
  }
}

export function readBytes(path: string, at = raw.AT_FDCWD): Uint8Array {
  using file = openFile(path, { at });
  return readAll(file.number, path);
}

export function readText(path: string, at = raw.AT_FDCWD): string {
  return textOf(readBytes(path, at));
}

/** What is in a file, or undefined where there is none. */
export function readBytesIfAny(path: string, at = raw.AT_FDCWD): Uint8Array | undefined {
  const fd = uninterrupted(() => raw.openat(at, path, raw.O_RDONLY | raw.O_CLOEXEC, 0));
  if (fd === -ENOENT) return undefined;
  using file = owned(fd, 'openat', path);
  return readAll(file.number, path);
}

export function readTextIfAny(path: string, at = raw.AT_FDCWD): string | undefined {
  const bytes = readBytesIfAny(path, at);
  return bytes && textOf(bytes);
}

export function writeAll(fd: number, data: string | Uint8Array, object?: string): void {
  let rest = typeof data === 'string' ? utf8(data) : data;
  while (rest.length > 0) {
    const count = check(
      uninterrupted(() => raw.write(fd, rest, rest.length)),
      'write',
      object,
    );
    rest = rest.subarray(count);
  }
}

/** Reads from a place in the file; how many bytes there were. pread(2). */
export function readAt(fd: OwnedFd, buffer: Uint8Array, offset: number): number {
  return check(
    uninterrupted(() => raw.pread64(fd.number, buffer, buffer.length, offset)),
    'pread64',
  );
}

/** Makes a file shorter. ftruncate(2). */
export function cutFile(fd: OwnedFd, size: number): void {
  check(
    uninterrupted(() => raw.ftruncate(fd.number, size)),
    'ftruncate',
  );
}

export function renameFile(from: string, to: string): void {
  check(raw.renameat2(raw.AT_FDCWD, from, raw.AT_FDCWD, to, 0), 'renameat2', from);
}

export interface WriteOptions extends OpenOptions {
  /** Permissions of a file that is made; without it the file must exist. */
  create?: number;
}

/** Writes a file of the kernel's or a new one; with `create`, what was there is gone. */
export function writeFile(
  path: string,
  data: string | Uint8Array,
  { create, at = raw.AT_FDCWD, flags = 0 }: WriteOptions = {},
): void {
  const making = create === undefined ? 0 : raw.O_CREAT | raw.O_TRUNC;
  using file = openFile(path, { flags: raw.O_WRONLY | making | flags, mode: create ?? 0, at });
  writeAll(file.number, data, path);
}

/** Puts a whole new file in place of `path`: readers see the old one or the new one. Not synced: for /run. */
export function replaceFile(path: string, data: string | Uint8Array, mode: number, at = raw.AT_FDCWD): void {
  const temporary = `${path}.new`;
  try {
    writeFile(temporary, data, { create: mode, at });
    check(raw.renameat2(at, temporary, at, path, 0), 'renameat2', path);
  } catch (error) {
    raw.unlinkat(at, temporary, 0);
    throw error;
  }
}

/** The same, and on disk when it returns: also after a loss of power there is the old file or the new one. */
export function replaceFileDurably(directory: OwnedFd, name: string, data: string | Uint8Array, mode: number): void {
  const temporary = `${name}.new`;
  {
    using file = openFile(temporary, {
      flags: raw.O_WRONLY | raw.O_CREAT | raw.O_TRUNC,
      mode,
      at: directory.number,
    });
    writeAll(file.number, data, name);
    check(raw.fsync(file.number), 'fsync', name);
  }
  check(raw.renameat2(directory.number, temporary, directory.number, name, 0), 'renameat2', name);
  check(raw.fsync(directory.number), 'fsync', 'directory');
}

export function makeDirectory(path: string, mode: number, at = raw.AT_FDCWD): void {
  check(raw.mkdirat(at, path, mode), 'mkdirat', path);
}

/** Makes a directory and those above it that are missing. */
export function makeDirectories(path: string, mode: number): void {
  const result = raw.mkdirat(raw.AT_FDCWD, path, mode);
  if (result === -EEXIST) return;
  if (result === -ENOENT && path.lastIndexOf('/') > 0) {
    makeDirectories(path.slice(0, path.lastIndexOf('/')), mode);
    makeDirectories(path, mode);
    return;
  }
  check(result, 'mkdirat', path);
}

/** Removes a file; whether there was one. */
export function removeFile(path: string, at = raw.AT_FDCWD): boolean {
  const result = raw.unlinkat(at, path, 0);
  if (result === -ENOENT) return false;
  check(result, 'unlinkat', path);
  return true;
}

/** Removes an empty directory; whether there was one. */
export function removeDirectory(path: string, at = raw.AT_FDCWD): boolean {
  const result = raw.unlinkat(at, path, raw.AT_REMOVEDIR);
  if (result === -ENOENT) return false;
  check(result, 'unlinkat', path);
  return true;
}

/** Removes everything in a directory. */
export function removeContents(directory: OwnedFd): void {
  for (const name of listDirectory('.', directory.number)) {
    const result = raw.unlinkat(directory.number, name, 0);
    if (result !== -EISDIR) {
      if (result !== -ENOENT) check(result, 'unlinkat', name);
      continue;
    }
    using inner = openDirectory(name, directory.number);
    removeContents(inner);
    removeDirectory(name, directory.number);
  }
}

export function exists(path: string, at = raw.AT_FDCWD): boolean {
  return raw.faccessat2(at, path, 0, 0) === 0;
}

/** The names in a directory, without `.` and `..`. getdents64(2). */
export function listDirectory(path: string, at = raw.AT_FDCWD): string[] {
  return listNames(path, at).map((name) => textOf(name, name.length - 1));
}

/** The same as bytes, each ended by NUL. */
export function listNames(path: raw.Path, at = raw.AT_FDCWD): Uint8Array[] {
  const fd = uninterrupted(() => raw.openat(at, path, raw.O_DIRECTORY | raw.O_CLOEXEC, 0));
  using directory = owned(fd, 'openat', textOfPath(path));
  const buffer = new Uint8Array(32768);
  const view = new DataView(buffer.buffer);
  const names: Uint8Array[] = [];
  for (;;) {
    const count = raw.getdents64(directory.number, buffer);
    // ENOENT: it was removed, and nothing is in it any more.
    if (count === 0 || count === -ENOENT) return names;
    check(count, 'getdents64', textOfPath(path));
    for (let at = 0; at < count; at += view.getUint16(at + 16, true)) {
      const start = at + 19;
      const length = buffer.indexOf(0, start) - start;
      const isDot = buffer[start] === DOT && (length === 1 || (length === 2 && buffer[start + 1] === DOT));
      if (!isDot) names.push(buffer.slice(start, start + length + 1));
    }
  }
}

const DOT = 0x2e;

/** A path for a message. */
export function textOfPath(path: raw.Path): string {
  if (typeof path === 'string') return path;
  const end = path.indexOf(0);
  return textOf(path, end < 0 ? path.length : end);
}

/** The target of a symbolic link. */
export function readLink(path: string, at = raw.AT_FDCWD): string {
  const buffer = new Uint8Array(4096);
  return textOf(buffer, check(raw.readlinkat(at, path, buffer), 'readlinkat', path));
}

/** Waits until no other process holds the lock of this open file. flock(2). */
export function lockFile(fd: OwnedFd, object: string): void {
  check(
    uninterrupted(() => raw.flock(fd.number, raw.LOCK_EX)),
    'flock',
    object,
  );
}

/** Takes the lock of this open file if nobody has it; whether it was free. flock(2). */
export function tryLockFile(fd: OwnedFd, object: string): boolean {
  const result = raw.flock(fd.number, raw.LOCK_EX | raw.LOCK_NB);
  if (result === -EAGAIN) return false;
  check(result, 'flock', object);
  return true;
}

/** Makes, at `path` below `at`, a device file; `mode` includes its type. mknod(2). */
export function makeNode(
  path: string,
  mode: number,
  device: { major: number; minor: number },
  at = raw.AT_FDCWD,
): void {
  check(raw.mknodat(at, path, mode, encodeDevice(device)), 'mknodat', path);
}

/** makedev(3) as the kernel's 32-bit form: new_encode_dev in <linux/kdev_t.h>. */
export function encodeDevice({ major, minor }: { major: number; minor: number }): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
