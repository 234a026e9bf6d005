import { textOf } from '#sys/bytes.ts';
import { owned } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { readAll } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';

/** The home directory of a user by the container's own /etc/passwd, or "/". passwd(5). */
export function homeOf(uid: number): string {
  const fd = raw.openat(raw.AT_FDCWD, '/etc/passwd', raw.O_RDONLY | raw.O_CLOEXEC | raw.O_NONBLOCK | raw.O_NOCTTY, 0);
  if (fd < 0) return '/';
  using file = owned(fd, 'openat', '/etc/passwd');
  const { kind, size } = statusOf(file.number);
  // An image may hold anything there: a pipe would block us, and a huge file would fill our memory.
  if (kind !== 'file' || size > 4_000_000) return '/';
  for (const line of textOf(readAll(file.number)).split('\n')) {
    const fields = line.split(':');
    if (fields[2] === String(uid)) return fields[5] || '/';
  }
  return '/';
}
