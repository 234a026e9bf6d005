import { ProaError } from '#common/errors.ts';
import { EEXIST, ELOOP, ENOENT, ENOTDIR } from '#sys/errno.ts';
import { check, SystemError } from '#sys/errors.ts';
import { OwnedFd } from '#sys/fd.ts';
import { inodeOf, statusOf } from '#sys/file-status.ts';
import { openInRoot, resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';
import { byteText, kernelPath, shown, splitPath } from './names.ts';

const MAXIMUM_LINKS = 40;
const HANDLE = raw.O_PATH | raw.O_DIRECTORY;

/** Takes away what stands where a directory is needed, if it may go; what the directory shall be. */
export type Clear = (directory: number, name: string) => 'cleared' | 'make-opaque' | 'keep';

/**
 * The directory that is unpacked into. Parents of entries are resolved inside it, whatever links there are: a link that
 * leads out is taken as leading to the same place below this root, as in a chroot. containerd, Docker and umoci do so too,
 * so an entry `lib/x` after a link `lib` to `usr/lib` is `usr/lib/x`, which is made when this layer does not hold it.
 */
export class Tree {
  readonly root: OwnedFd;
  readonly #clear: Clear;
  readonly #onMade: (directory: number, name: string) => void;
  readonly #onOpaque: (directory: number, name: raw.Path) => void;
  /** The parent of the entry before: entries of one directory follow one another. */
  #path: string | undefined;
  #parent: OwnedFd;
  #inode: number | undefined;

  constructor(
    root: OwnedFd,
    {
      clear,
      made,
      opaque,
    }: {
      clear: Clear;
      /** Is told of each directory that no entry made. */
      made: (directory: number, name: string) => void;
      opaque: (directory: number, name: raw.Path) => void;
    },
  ) {
    this.root = root;
    this.#parent = root;
    this.#clear = clear;
    this.#onMade = made;
    this.#onOpaque = opaque;
  }

  /** A handle on the directory at `path`, made if there is none. It is this tree's, and good until the next call. */
  directory(path: string): number {
    if (path === this.#path) return this.#parent.number;
    this.close();
    if (path !== '') this.#parent = this.#open(path, 0);
    this.#path = path;
    return this.#parent.number;
  }

  /** Inode number of the directory that was asked for last. */
  get inode(): number {
    this.#inode ??= inodeOf(this.#parent.number);
    return this.#inode;
  }

  /** What was found may have been replaced: the next path is resolved anew. The handle stays good until then. */
  expire(): void {
    this.#path = undefined;
  }

  close(): void {
    if (this.#parent !== this.root) this.#parent.close();
    this.#parent = this.root;
    this.#path = undefined;
    this.#inode = undefined;
  }

  /** The directory at `path`, to be closed by the caller; undefined where it is none. */
  existing(path: string): OwnedFd | undefined {
    const fd = resolveInRoot(this.root.number, path === '' ? '.' : kernelPath(path), HANDLE, 0);
    return fd < 0 ? undefined : new OwnedFd(fd);
  }

  #open(path: string, links: number): OwnedFd {
    // Up to what is there, then down again; in a loop, since an archive may want thousands of levels.
    const missing: string[] = [];
    let at = path;
    let directory: OwnedFd;
    for (;;) {
      const fd = resolveInRoot(this.root.number, at === '' ? '.' : kernelPath(at), HANDLE, 0);
      if (fd >= 0) {
        directory = new OwnedFd(fd);
        break;
      }
      if (fd !== -ENOENT && fd !== -ENOTDIR) throw new SystemError('openat2', -fd, shown(at));
      missing.push(at);
      at = splitPath(at).parent;
    }
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      using above = directory;
      const { parent, name } = splitPath(next);
      this.#make(above, parent, name, links);
      directory = openInRoot(this.root.number, kernelPath(next), HANDLE);
    }
    return directory;
  }

  /** Makes a directory where there is none; a link there is followed to where it leads, and a directory made there. */
  #make(above: OwnedFd, parent: string, name: string, links: number): void {
    const kernelName = kernelPath(name);
    const result = raw.mkdirat(above.number, kernelName, 0o755);
    if (result !== -EEXIST) {
      check(result, 'mkdirat', shown(name));
      this.#onMade(above.number, name);
      return;
    }
    const target = linkTarget(above.number, kernelName);
    if (target !== undefined) {
      if (links >= MAXIMUM_LINKS) throw new SystemError('openat2', ELOOP, shown(name));
      const place = (target.startsWith('/') ? target : `${parent}/${target}`).replace(/\/+$/, '');
      if (place !== '') this.#open(place, links + 1).close();
      return;
    }
    if (statusOf(above.number, kernelName).kind === 'directory') return;
    const cleared = this.#clear(above.number, name);
    if (cleared === 'keep')
      throw new ProaError(`"${shown(parent === '' ? name : `${parent}/${name}`)}" is not a directory`, {
        kind: 'invalid',
      });
    check(raw.mkdirat(above.number, kernelName, 0o755), 'mkdirat', shown(name));
    this.#onMade(above.number, name);
    if (cleared === 'make-opaque') this.#onOpaque(above.number, kernelName);
  }
}

/** Where a symbolic link leads, as byte text; undefined where there is none. */
function linkTarget(directory: number, name: raw.Path): string | undefined {
  const buffer = new Uint8Array(4096);
  const length = raw.readlinkat(directory, name, buffer);
  return length < 0 ? undefined : byteText(buffer.subarray(0, length));
}
