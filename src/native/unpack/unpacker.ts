import { ProaError } from '#common/errors.ts';
import type { Entry } from '#common/tar/entry.ts';
import type { EntryKind } from '#common/tar/format.ts';
import type { TarReader } from '#common/tar/reader.ts';
import { terminated } from '#sys/bytes.ts';
import { EEXIST, EPERM } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { inodeOf, sameFile, statusOf } from '#sys/file-status.ts';
import { encodeDevice } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import type { Attributes } from './attributes.ts';
import { Directories } from './directories.ts';
import { failedEntry } from './failed-entry.ts';
import type { FileData } from './file-data.ts';
import { type EntryPath, entryPath, kernelPath, shown } from './names.ts';
import { type Guard, keepMounts, removeAny } from './remove.ts';
import { Tree } from './tree.ts';
import { deleteEarlier, deleteEarlierContents, Made, overlay, whiteoutOf } from './whiteouts.ts';

const NEW_FILE = raw.O_WRONLY | raw.O_CREAT | raw.O_EXCL | raw.O_NOFOLLOW | raw.O_CLOEXEC;

export interface Placement {
  /** What names that begin with `.wh.` mean; `none`: they are names like others. */
  whiteouts: 'overlay' | 'apply' | 'none';
  /**
   * Byte text, without links: a directory of the root that the archive is about. Links below it lead where they lead
   * from the root. The archive's entry of it, if any, is passed over: it is somebody else's. Default: the root itself.
   */
  base?: string;
  /** A directory does not take the place of something else, nor the other way round. */
  keepsKinds?: boolean;
  /** What is mounted stays: nothing takes its place, nor that of a directory with a mount in it. */
  keepsMounts?: boolean;
}

export interface UnpackerOptions extends Placement {
  reader: TarReader;
  root: OwnedFd;
  attributes: Attributes;
  data: FileData;
}

/** Makes what the entries of an archive say, one after the other. */
export class Unpacker {
  readonly #reader: TarReader;
  readonly #root: OwnedFd;
  readonly #tree: Tree;
  readonly #attributes: Attributes;
  readonly #data: FileData;
  readonly #directories = new Directories();
  readonly #whiteouts: Placement['whiteouts'];
  readonly #base: string | undefined;
  readonly #keepsKinds: boolean;
  readonly #guard: Guard | undefined;
  /** Only where whiteouts delete: all that this layer made. */
  readonly #made: Made | undefined;
  #opaqueRoot = false;

  constructor({ reader, root, whiteouts, base, keepsKinds = false, keepsMounts, attributes, data }: UnpackerOptions) {
    this.#reader = reader;
    this.#root = root;
    this.#whiteouts = whiteouts;
    this.#base = base;
    this.#keepsKinds = keepsKinds;
    this.#guard = keepsMounts ? keepMounts : undefined;
    this.#attributes = attributes;
    this.#data = data;
    const made = whiteouts === 'apply' ? new Made() : undefined;
    this.#made = made;
    this.#tree = new Tree(root, {
      clear(directory, name) {
        if (whiteouts === 'none') return 'keep';
        const path = kernelPath(name);
        if (made ? made.has(inodeOf(directory), name) : !overlay.isWhiteout(directory, path)) return 'keep';
        removeAny(directory, path);
        return made ? 'cleared' : 'make-opaque';
      },
      made(directory, name) {
        made?.add(inodeOf(directory), name);
      },
      opaque: overlay.makeOpaque,
    });
  }

  unpack(): void {
    for (;;) {
      const entry = this.#reader.next();
      if (!entry) break;
      try {
        this.#place(entry);
      } catch (cause) {
        throw failedEntry(entry, cause);
      }
    }
    this.#tree.close();
    this.#directories.finish(this.#root, this.#attributes);
    if (this.#opaqueRoot) overlay.makeOpaque(this.#root.number, '.');
  }

  #place(entry: Entry): void {
    const { path, parent, name, kernelName } = this.#pathOf(entry.name);
    if (name === '') {
      if (entry.kind !== 'directory') throw new ProaError('The root can only be a directory', { kind: 'invalid' });
      if (this.#base === undefined) this.#directories.add(inodeOf(this.#root.number), '', entry);
      return;
    }
    const whiteout = this.#whiteouts === 'none' ? undefined : whiteoutOf(path, name);
    if (whiteout) {
      if (whiteout.kind === 'opaque') this.#makeOpaque(parent);
      else if (whiteout.kind === 'name') this.#hide(parent, whiteout.name);
      return;
    }
    const directory = this.#tree.directory(parent);
    this.#made?.add(this.#tree.inode, name);
    if (entry.kind === 'file') this.#file(directory, kernelName, entry);
    else if (entry.kind === 'directory') this.#directory(directory, kernelName, path, entry);
    else if (entry.kind === 'link') this.#link(directory, kernelName, path, entry);
    else if (this.#linkOrNode(directory, kernelName, entry)) this.#attributes.ofOther(directory, kernelName, entry);
  }

  #pathOf(name: Uint8Array): EntryPath {
    const path = entryPath(name);
    const base = this.#base;
    if (!base) return path;
    return {
      ...path,
      path: `${base}/${path.path}`,
      parent: path.parent === '' ? base : `${base}/${path.parent}`,
    };
  }

  #file(directory: number, name: raw.Path, entry: Entry): void {
    let fd = raw.openat(directory, name, NEW_FILE, entry.mode & 0o777);
    if (fd < 0)
      fd = this.#anew(directory, name, 'openat', () => raw.openat(directory, name, NEW_FILE, entry.mode & 0o777));
    // Not `using`: what that becomes costs as much as opening the file.
    try {
      this.#data.write(fd, entry);
      this.#attributes.ofFile(fd, entry);
    } finally {
      raw.close(fd);
    }
  }

  /** Whether it was made. */
  #linkOrNode(directory: number, name: raw.Path, entry: Entry): boolean {
    if (entry.kind === 'symlink') {
      const target = terminated(entry.link);
      this.#anew(directory, name, 'symlinkat', () => raw.symlinkat(target, directory, name));
      return true;
    }
    const device = deviceOf(entry);
    const mode = (nodeTypes[entry.kind] ?? 0) | (entry.mode & 0o777);
    try {
      this.#anew(directory, name, 'mknodat', () => raw.mknodat(directory, name, mode, device));
      return true;
    } catch (error) {
      // As Docker: a user namespace cannot make devices, and containers get theirs from the runtime.
      if (entry.kind === 'fifo' || !isErrno(error, EPERM)) throw error;
      this.#attributes.refused++;
      return false;
    }
  }

  /** Permissions, owner and times come last of all: until then nobody else may look in, and files in it change its time. */
  #directory(directory: number, name: raw.Path, path: string, entry: Entry): void {
    let result = raw.mkdirat(directory, name, 0o700);
    if (result === -EEXIST && statusOf(directory, name).kind === 'directory') result = 0;
    if (result !== 0) {
      const hidden = this.#whiteouts === 'overlay' && result === -EEXIST && overlay.isWhiteout(directory, name);
      this.#anew(directory, name, 'mkdirat', () => raw.mkdirat(directory, name, 0o700));
      // The layer hid a directory and has another one in its place: what was in the first must not be seen in it.
      if (hidden) overlay.makeOpaque(directory, name);
    }
    this.#directories.add(inodeOf(directory, name), path, entry);
  }

  #link(directory: number, name: raw.Path, path: string, entry: Entry): void {
    const { path: target, parent, name: targetText, kernelName: targetName } = this.#pathOf(entry.link);
    if (target === path) return;
    using source = this.#tree.existing(parent);
    if (!source || targetText === '') throw new ProaError(`No file "${shown(target)}" to link to`, { kind: 'invalid' });
    let result = raw.linkat(source.number, targetName, directory, name, 0);
    if (result === -EEXIST) {
      // Two names of one file already: taking one away to make it again might take away the last.
      const old = statusOf(directory, name);
      if (sameFile(old, statusOf(source.number, targetName))) return;
      this.#mayReplace(directory, name, 'link');
      removeAny(directory, name, this.#guard);
      this.#tree.expire();
      result = raw.linkat(source.number, targetName, directory, name, 0);
    }
    check(result, 'linkat', shown(target));
  }

  /** Makes something where there may be something, which goes. Never opens or follows what is there. */
  #anew(directory: number, name: raw.Path, call: string, make: () => number): number {
    let result = make();
    if (result === -EEXIST) {
      this.#mayReplace(directory, name, call);
      removeAny(directory, name, this.#guard);
      result = make();
      this.#tree.expire();
    }
    return check(result, call);
  }

  #mayReplace(directory: number, name: raw.Path, call: string): void {
    if (!this.#keepsKinds) return;
    const isDirectory = statusOf(directory, name).kind === 'directory';
    if (isDirectory === (call === 'mkdirat')) return;
    const [old, made] = isDirectory ? ['directory', 'a non-directory'] : ['non-directory', 'a directory'];
    throw new ProaError(`Cannot overwrite a ${old} with ${made}`, { kind: 'invalid' });
  }

  #hide(parent: string, name: string): void {
    const made = this.#made;
    if (made) this.#inEarlier(parent, (directory) => deleteEarlier(directory.number, kernelPath(name), name, made));
    else overlay.hide(this.#tree.directory(parent), name);
  }

  #makeOpaque(parent: string): void {
    const made = this.#made;
    if (made) this.#inEarlier(parent, (directory) => deleteEarlierContents(directory, made));
    // What is set on the root would outlast a failure.
    else if (parent === '') this.#opaqueRoot = true;
    else overlay.makeOpaque(this.#tree.directory(parent), '.');
  }

  #inEarlier(path: string, remove: (directory: OwnedFd) => void): void {
    using directory = this.#tree.existing(path);
    if (directory) remove(directory);
    this.#tree.expire();
  }
}

const nodeTypes: { readonly [kind in EntryKind]?: number } = {
  character: raw.S_IFCHR,
  block: raw.S_IFBLK,
  fifo: raw.S_IFIFO,
};

/** Twelve and twenty bits are what the kernel has for a device's numbers: MKDEV in <linux/kdev_t.h>. */
function deviceOf({ major, minor }: Entry): number {
  if (major > 0xfff || minor > 0xfffff)
    throw new ProaError(`There is no device ${major}:${minor}`, { kind: 'invalid' });
  return encodeDevice({ major, minor });
}
