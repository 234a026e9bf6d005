import { ProaError } from '#common/errors.ts';
import type { FilesRequests } from '#common/protocol/files.ts';
import { type Extracted, extract } from '#native/unpack/extract.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { isReadOnly } from '#sys/file-status.ts';
import { canonicalPath, openRequested, requestedPath } from './paths.ts';

/** Extracts standard input into a directory, as Docker's PUT /containers/{id}/archive. */
export function putArchive(root: OwnedFd, request: Omit<FilesRequests['put'], 'root'>): Extracted {
  const requested = { ...requestedPath(request.path), directory: true };
  using directory = openRequested(root, requested);
  // An archive may hold nothing, or fail otherwise before it is refused.
  if (isReadOnly(directory.number))
    throw new ProaError(`"${request.path}" is read-only in the container`, { kind: 'denied' });
  return extract(root, {
    whiteouts: 'none',
    base: canonicalPath(root, requested.path),
    keepsKinds: request.noOverwriteDirNonDir,
    keepsMounts: true,
    ...(!request.copyUIDGID && { owner: { uid: 0, gid: 0 } }),
  });
}
