import { ProaError } from '#common/errors.ts';
import { statusIfAny, statusOf } from '#sys/file-status.ts';
import { exists } from '#sys/files.ts';
import { AT_FDCWD } from '#sys/raw/file.ts';
import { absolutePath, realPath } from '#sys/working-directory.ts';
import { endsAsDirectory, meansContents, splitEntry } from './names.ts';
import type { Place } from './plan.ts';

/** An absolute path whose end says what the caller's did. */
function absolute(path: string): string {
  const bare = absolutePath(path);
  if (meansContents(path)) return bare === '/' ? '/.' : `${bare}/.`;
  return path.endsWith('/') && bare !== '/' ? `${bare}/` : bare;
}

/** What shall be copied. Throws where there is nothing. */
export function localSource(path: string, follow: boolean): Place {
  const at = absolute(path);
  const status = statusIfAny(at);
  if (!status && !(!follow && isLink(at)))
    throw new ProaError(`lstat ${path}: no such file or directory`, { kind: 'not-found' });
  if (follow && isLink(at)) {
    const { base } = splitEntry(at);
    return { path: realPath(at), exists: true, isDirectory: status?.kind === 'directory', name: base };
  }
  const isDirectory = isLink(at) && !endsAsDirectory(at) ? false : status?.kind === 'directory';
  return { path: at, exists: true, isDirectory };
}

function isLink(path: string): boolean {
  try {
    return statusOf(AT_FDCWD, path).kind === 'symlink';
  } catch {
    return false;
  }
}

/** Where something shall go. Throws where not even its directory exists. */
export function localTarget(path: string): Place {
  const at = absolute(path);
  const status = statusIfAny(at);
  if (status) return { path: at, exists: true, isDirectory: status.kind === 'directory' };
  const parent = absolutePath(`${at.replace(/\/\.?$/, '')}/..`);
  if (!exists(parent))
    throw new ProaError(`invalid output path: directory "${parent}" does not exist`, { kind: 'not-found' });
  return { path: at, exists: false, isDirectory: false };
}
