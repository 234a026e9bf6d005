import { ProaError } from '#common/errors.ts';
import type { FileTexts } from '#common/protocol/files.ts';
import { textOf } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { reopenFile } from '#sys/files.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';

const LONGEST = 1 << 20;

/** The texts of regular files, links followed inside the root. */
export function readTexts(root: OwnedFd, paths: readonly string[]): FileTexts {
  // fromEntries, since a path may be called `__proto__`.
  return Object.fromEntries(paths.map((path) => [path, readText(root, path)]));
}

function readText(root: OwnedFd, path: string): string | null {
  const fd = resolveInRoot(root.number, path, raw.O_PATH, 0);
  if (fd < 0) return null;
  using handle = new OwnedFd(fd);
  const { kind, size } = statusOf(handle.number);
  if (kind !== 'file') return null;
  if (size > LONGEST)
    throw new ProaError(`"${path}" has ${size} bytes, more than the ${LONGEST} that are read`, { kind: 'invalid' });
  // No more than was said before: some files of the kernel, which say 0, never end, or wait.
  if (size === 0) return '';
  using file = reopenFile(handle);
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const room = bytes.subarray(length);
    const count = check(
      uninterrupted(() => raw.read(file.number, room, room.length)),
      'read',
      path,
    );
    if (count === 0) break;
    length += count;
  }
  return textOf(bytes, length);
}
