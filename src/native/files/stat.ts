import type { PathStatus } from '#common/protocol/files.ts';
import { kernelPath } from '#native/unpack/names.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { detailedStatusOf } from '#sys/file-status.ts';
import { textOfPath } from '#sys/files.ts';
import { rfc3339 } from '#sys/time.ts';
import { canonicalPath, openRequested, requestedPath } from './paths.ts';

/** What a path is, as Docker's X-Docker-Container-Path-Stat tells it. */
export function pathStatus(root: OwnedFd, text: string): PathStatus {
  const requested = requestedPath(text);
  using handle = openRequested(root, requested);
  const { kind, size, mode, modified } = detailedStatusOf(handle.number, '');
  return {
    name: textOfPath(kernelPath(requested.name)),
    size,
    mode,
    mtime: rfc3339(modified),
    linkTarget: kind === 'symlink' ? textOfPath(kernelPath(`/${canonicalPath(root, requested.path)}`)) : '',
  };
}
