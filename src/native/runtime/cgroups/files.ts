import { textOf } from '#sys/bytes.ts';
import { ENOENT } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';

/** The content of a file of one value, without the end of its line; undefined where there is none. */
export function readValue(path: string): string | undefined {
  const fd = raw.openat(raw.AT_FDCWD, path, raw.O_RDONLY | raw.O_CLOEXEC, 0);
  if (fd === -ENOENT) return undefined;
  using file = owned(fd, 'openat', path);
  // The kernel answers such files with one read; a second one would only say that it was the last.
  const buffer = new Uint8Array(4096);
  const length = check(
    uninterrupted(() => raw.read(file.number, buffer, buffer.length)),
    'read',
    path,
  );
  return textOf(buffer, length).trimEnd();
}

/** Writes lines to one file, each by a call of its own, as the files of control groups want them. */
export function writeLines(
  path: string,
  lines: readonly string[],
  refused?: (line: string, error: unknown) => void,
): void {
  using file = openForWriting(path);
  for (const line of lines) {
    try {
      writeAll(file.number, line, path);
    } catch (error) {
      if (!refused) throw error;
      refused(line, error);
    }
  }
}

export function openForWriting(path: string): OwnedFd {
  return owned(
    uninterrupted(() => raw.openat(raw.AT_FDCWD, path, raw.O_WRONLY | raw.O_CLOEXEC, 0)),
    'openat',
    path,
  );
}
