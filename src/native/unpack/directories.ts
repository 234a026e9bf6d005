import type { Entry } from '#common/tar/entry.ts';
import { ELOOP, ENOENT, ENOTDIR } from '#sys/errno.ts';
import { SystemError } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { inodeOf } from '#sys/file-status.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';
import type { Attributes } from './attributes.ts';
import { failedEntry } from './failed-entry.ts';
import { kernelPath } from './names.ts';

/** What entries said of directories, until all that goes into them is there. */
export class Directories {
  /** By inode number: two paths may lead to one directory, and the entry that came last counts. */
  readonly #entries = new Map<number, { path: string; entry: Entry }>();

  add(inode: number, path: string, entry: Entry): void {
    this.#entries.set(inode, { path, entry });
  }

  /** Sets their attributes, deepest first: an unprivileged user may lose the right to go below one. */
  finish(root: OwnedFd, attributes: Attributes): void {
    const sorted = [...this.#entries].sort(([, a], [, b]) => b.path.length - a.path.length);
    const flags = raw.O_DIRECTORY | raw.O_NOFOLLOW;
    for (const [inode, { path, entry }] of sorted) {
      try {
        const fd = resolveInRoot(root.number, path === '' ? '.' : kernelPath(path), flags, 0);
        if (fd === -ENOENT || fd === -ENOTDIR || fd === -ELOOP) continue; // replaced by a later entry
        if (fd < 0) throw new SystemError('openat2', -fd);
        // By way of a link that came later the path may lead to another directory.
        try {
          if (inodeOf(fd) === inode) attributes.ofDirectory(fd, entry);
        } finally {
          raw.close(fd);
        }
      } catch (cause) {
        throw failedEntry(entry, cause);
      }
    }
  }
}
