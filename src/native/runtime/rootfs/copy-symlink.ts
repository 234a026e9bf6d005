import { EEXIST, EINVAL } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { readLink } from '#sys/files.ts';
import { makeInRoot } from '#sys/paths.ts';
import { symlinkat } from '#sys/raw/file.ts';
import type { MountPlan } from './mount-options.ts';
import { sourcePath } from './sources.ts';

/** `copy-symlink`, an option of crun's: where the source leads, if it is a symbolic link. */
export function readSource(plan: MountPlan, bundle: string): string | undefined {
  return targetOf(sourcePath(plan, bundle));
}

/** The same link at `destination`, in place of a mount. One that is there already may stay, anything else may not. */
export function makeLink(root: OwnedFd, destination: string, target: string): void {
  const path = destination.replace(/\/+$/, '');
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  using parent = makeInRoot(root.number, path.slice(0, slash) || '/', 'directory');
  const result = symlinkat(target, parent.number, name);
  if (result === -EEXIST && targetOf(name, parent.number) === target) return;
  check(result, 'symlinkat', destination);
}

function targetOf(path: string, at?: number): string | undefined {
  try {
    return readLink(path, at);
  } catch (error) {
    if (isErrno(error, EINVAL)) return undefined;
    throw error;
  }
}
