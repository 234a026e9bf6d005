import { ProaError } from '#common/errors.ts';
import { EEXIST, EPERM } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { listNames } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { byteText, kernelPath } from './names.ts';
import { removeAny } from './remove.ts';

const PREFIX = '.wh.';
const META = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * What an entry's path asks to be hidden: `opaque`, all that lower layers have in its directory; a name in there; or
 * `nothing`, for aufs's own files. Undefined for an entry that is to be made.
 * Source: OCI image-spec, "Image Layer Filesystem Changeset", "Whiteouts".
 */
export function whiteoutOf(
  path: string,
  name: string,
): { kind: 'opaque' | 'nothing' } | { kind: 'name'; name: string } | undefined {
  if (!path.includes(PREFIX)) return undefined;
  if (name === OPAQUE) return { kind: 'opaque' };
  if (path.startsWith(META) || path.includes(`/${META}`)) return { kind: 'nothing' };
  if (path.startsWith(PREFIX) || path.includes(`/${PREFIX}`)) {
    const hidden = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
    const above = path.slice(0, path.length - name.length);
    if (above.startsWith(PREFIX) || above.includes(`/${PREFIX}`))
      throw new ProaError('A whiteout is no directory', { kind: 'invalid' });
    if (hidden === undefined) return undefined;
    // `.wh...` would be the directory above.
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw new ProaError(`A whiteout cannot hide "${hidden}"`, { kind: 'invalid' });
    return { kind: 'name', name: hidden };
  }
  return undefined;
}

const opaqueName = 'trusted.overlay.opaque';
const userOpaqueName = 'user.overlay.opaque';

/** Whiteouts as overlayfs has them: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories". */
export const overlay = {
  hide(directory: number, name: string): void {
    const path = kernelPath(name);
    const result = raw.mknodat(directory, path, raw.S_IFCHR, 0);
    if (result !== -EEXIST) check(result, 'mknodat', name);
    // Something of this layer, which whiteouts of this layer do not concern. It hides what is below it, unless both are
    // directories.
    else if (statusOf(directory, path).kind === 'directory') overlay.makeOpaque(directory, path);
  },

  makeOpaque(directory: number, name: raw.Path): void {
    using inner = owned(raw.openat(directory, name, raw.O_DIRECTORY | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0), 'openat');
    const yes = new Uint8Array([0x79]);
    const result = raw.fsetxattr(inner.number, opaqueName, yes, 1);
    // In a user namespace overlayfs is mounted with `userxattr`, and looks there.
    if (result !== -EPERM) check(result, 'fsetxattr', opaqueName);
    else check(raw.fsetxattr(inner.number, userOpaqueName, yes, 1), 'fsetxattr', userOpaqueName);
  },

  isWhiteout(directory: number, name: raw.Path): boolean {
    const { mode, special } = statusOf(directory, name);
    return (mode & raw.S_IFMT) === raw.S_IFCHR && special.major === 0 && special.minor === 0;
  },
};

/** What this layer has made, by the directory's inode number and the name: whiteouts do not concern it. */
export class Made {
  readonly #names = new Set<string>();

  add(directory: number, name: string): void {
    this.#names.add(`${directory}/${name}`);
  }

  has(directory: number, name: string): boolean {
    return this.#names.has(`${directory}/${name}`);
  }
}

/** Deletes from `directory` what earlier layers put there under this name. */
export function deleteEarlier(directory: number, name: raw.Path, text: string, made: Made): void {
  if (raw.faccessat2(directory, name, 0, raw.AT_SYMLINK_NOFOLLOW) < 0) return;
  const { inode } = statusOf(directory, '');
  if (statusOf(directory, name).kind !== 'directory') {
    if (!made.has(inode, text)) removeAny(directory, name);
    return;
  }
  let kept: boolean;
  {
    using inner = owned(raw.openat(directory, name, raw.O_DIRECTORY | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0), 'openat');
    kept = deleteEarlierContents(inner, made);
  }
  if (!kept && !made.has(inode, text)) check(raw.unlinkat(directory, name, raw.AT_REMOVEDIR), 'unlinkat');
}

/** The same for everything in a directory; whether something of this layer is left. */
export function deleteEarlierContents(directory: OwnedFd, made: Made): boolean {
  for (const name of listNames('.', directory.number))
    deleteEarlier(directory.number, name, byteText(name.subarray(0, name.length - 1)), made);
  return listNames('.', directory.number).length > 0;
}
