import { Archive } from '#native/pack/archive.ts';
import { openFoundIfAny, walk } from '#native/pack/walk.ts';
import { byteText } from '#native/unpack/names.ts';
import { utf8 } from '#sys/bytes.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { modeOf } from '#sys/file-status.ts';
import { openPath } from '#sys/files.ts';
import { O_DIRECTORY, O_NOFOLLOW, S_IFDIR, S_IFMT } from '#sys/raw/file.ts';
import { type Rebase, splitEntry } from './names.ts';

/** Writes to standard output an archive of what is at `path`, under the name that `rebase` gives it. */
export function packPath(path: string, { to }: Rebase): void {
  const archive = new Archive({ shortened: 'zeros' });
  const { base } = splitEntry(path);
  // A link is copied as a link, unless the path says that it is a directory.
  using top = openPath(path, undefined, base === '.' || path.endsWith('/') ? O_DIRECTORY : O_NOFOLLOW);
  const name = byteText(utf8(to));
  archive.add(top, name);
  if (isDirectory(top))
    for (const found of walk(top, { vanished: 'skip' })) {
      using handle = openFoundIfAny(found);
      if (!handle) continue;
      archive.add(handle, `${name}/${found.path}`);
      if (isDirectory(handle)) found.enter();
    }
  archive.end();
}

function isDirectory(handle: OwnedFd): boolean {
  return (modeOf(handle.number) & S_IFMT) === S_IFDIR;
}
