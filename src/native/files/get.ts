import { kindOf, ProaError } from '#common/errors.ts';
import { Archive } from '#native/pack/archive.ts';
import { openFound, openFoundIfAny, walk } from '#native/pack/walk.ts';
import { shown } from '#native/unpack/names.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { detailedStatusOf } from '#sys/file-status.ts';
import { openRequested, requestedPath } from './paths.ts';

/**
 * Writes a path as an archive to standard output, as Docker's GET /containers/{id}/archive. The container may run: what
 * vanishes meanwhile is left out, and a file has the size that it had when its turn came.
 */
export function writeArchive(root: OwnedFd, text: string): void {
  const requested = requestedPath(text);
  using handle = openRequested(root, requested);
  const archive = new Archive({ shortened: 'zeros' });
  addTree(archive, handle, { name: requested.name, vanished: 'skip' });
  archive.end();
}

/** Adds what a handle names and all below it; `name` is byte text. */
export function addTree(
  archive: Archive,
  handle: OwnedFd,
  { name, vanished }: { name: string; vanished: 'fail' | 'skip' },
): void {
  const status = detailedStatusOf(handle.number, '');
  archive.add(handle, name, status);
  if (status.kind !== 'directory') return;
  const prefix = name.endsWith('/') ? name : `${name}/`;
  for (const found of walk(handle, { vanished })) {
    const path = prefix + found.path;
    try {
      using file = vanished === 'skip' ? openFoundIfAny(found) : openFound(found);
      if (!file) continue;
      const { kind } = archive.add(file, path);
      if (kind === 'directory') found.enter();
    } catch (cause) {
      throw new ProaError(`Cannot archive "${shown(path)}"`, { kind: kindOf(cause), cause });
    }
  }
}
