import { kindOf, ProaError } from '#common/errors.ts';
import type { EntryKind } from '#common/tar/format.ts';
import { BLOCK, padded } from '#common/tar/format.ts';
import { headerBlocks, type PackedEntry } from '#common/tar/writer.ts';
import { type IdMap, toInside } from '#native/unpack/id-map.ts';
import { byteText, shown, splitPath } from '#native/unpack/names.ts';
import { scanHeader } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { type DetailedStatus, detailedStatusOf, sameFile, statusOf } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { attributesOf } from './attributes.ts';
import type { PackOptions } from './options.ts';
import { Output } from './output.ts';
import { type Found, walk } from './walk.ts';

const kinds: { readonly [type: number]: EntryKind } = {
  [raw.S_IFREG]: 'file',
  [raw.S_IFDIR]: 'directory',
  [raw.S_IFLNK]: 'symlink',
  [raw.S_IFCHR]: 'character',
  [raw.S_IFBLK]: 'block',
  [raw.S_IFIFO]: 'fifo',
};

/** Writes the layer that the upper directory of an overlay is: OCI image-spec, "Image Layer Filesystem Changeset". */
export class Packer {
  readonly #options: PackOptions;
  readonly #output = new Output();
  readonly #data = new Uint8Array(1 << 17);
  /** Where a file with several names was first met, by device and inode number. */
  readonly #firstNames = new Map<string, string>();

  constructor(options: PackOptions) {
    this.#options = options;
  }

  pack(upper: OwnedFd): void {
    if (this.#options.rootToo) this.#addRoot(upper.number);
    for (const found of walk(upper)) {
      try {
        this.#add(found);
      } catch (cause) {
        throw new ProaError(`Cannot pack "${shown(found.path)}"`, { kind: kindOf(cause), cause });
      }
    }
    this.#output.write(new Uint8Array(2 * BLOCK));
    this.#output.flush();
  }

  #add(found: Found): void {
    const { path, directory, name } = found;
    const status = detailedStatusOf(directory, name);
    const kind = kinds[status.mode & raw.S_IFMT];
    if (kind === undefined) return; // a socket: nothing listens when the layer is unpacked
    if (isWhiteout(status)) {
      const { parent, name: text } = splitPath(path);
      this.#whiteout(`${parent === '' ? '' : `${parent}/`}.wh.${text}`);
      return;
    }
    const { attributes, opaque } = attributesOf(directory, name);
    const entry: PackedEntry = {
      kind,
      name: kind === 'directory' ? `${path}/` : path,
      link: kind === 'symlink' ? targetOf(directory, name) : '',
      ...this.#common(status),
      size: kind === 'file' ? status.size : 0,
      major: kind === 'character' || kind === 'block' ? status.special.major : 0,
      minor: kind === 'character' || kind === 'block' ? status.special.minor : 0,
      attributes,
    };
    if (kind !== 'directory' && status.links > 1) {
      const key = `${status.device.major}:${status.device.minor}:${status.inode}`;
      const first = this.#firstNames.get(key);
      if (first !== undefined) {
        this.#header({ ...entry, kind: 'link', link: first, size: 0, attributes: [] });
        return;
      }
      this.#firstNames.set(key, path);
    }
    if (kind === 'file') this.#file(directory, name, entry, status);
    else this.#header(entry);
    if (kind !== 'directory') return;
    if (opaque) this.#whiteout(`${path}/.wh..wh..opq`);
    found.enter();
  }

  #addRoot(root: number): void {
    const { attributes } = attributesOf(root, '.');
    const none = { link: '', size: 0, major: 0, minor: 0 };
    this.#header({ kind: 'directory', name: './', ...this.#common(detailedStatusOf(root, '.')), ...none, attributes });
  }

  #common(status: DetailedStatus): Pick<PackedEntry, 'mode' | 'uid' | 'gid' | 'modified'> {
    return {
      mode: status.mode & 0o7777,
      uid: inside(this.#options.uidMap, status.uid, 'uid'),
      gid: inside(this.#options.gidMap, status.gid, 'gid'),
      modified: this.#clamped(status.modified),
    };
  }

  #header(entry: PackedEntry): void {
    this.#output.write(headerBlocks(entry, scanHeader));
  }

  #whiteout(name: string): void {
    const modified = { seconds: 0, nanoseconds: 0 };
    const none = { link: '', mode: 0, uid: 0, gid: 0, size: 0, major: 0, minor: 0, attributes: [] };
    this.#header({ kind: 'file', name, modified, ...none });
  }

  #file(directory: number, name: raw.Path, entry: PackedEntry, status: DetailedStatus): void {
    // The container may run, and put another file there: not a link, a pipe would hang, and it must be the same.
    const flags = raw.O_NOFOLLOW | raw.O_NONBLOCK | raw.O_CLOEXEC;
    using file = owned(raw.openat(directory, name, flags, 0), 'openat');
    if (!sameFile(status, statusOf(file.number))) throw changed();
    this.#header(entry);
    for (let left = entry.size; left > 0; ) {
      const room = left < this.#data.length ? this.#data.subarray(0, left) : this.#data;
      const count = check(
        uninterrupted(() => raw.read(file.number, room, room.length)),
        'read',
      );
      if (count === 0) throw changed();
      this.#output.write(room.subarray(0, count));
      left -= count;
    }
    this.#output.write(new Uint8Array(padded(entry.size) - entry.size));
  }

  #clamped(time: PackedEntry['modified']): PackedEntry['modified'] {
    const { clampSeconds } = this.#options;
    return clampSeconds !== undefined && time.seconds >= clampSeconds
      ? { seconds: clampSeconds, nanoseconds: 0 }
      : time;
  }
}

export function isWhiteout({ mode, special }: Pick<DetailedStatus, 'mode' | 'special'>): boolean {
  return (mode & raw.S_IFMT) === raw.S_IFCHR && special.major === 0 && special.minor === 0;
}

function targetOf(directory: number, name: raw.Path): string {
  const buffer = new Uint8Array(4096);
  return byteText(buffer.subarray(0, check(raw.readlinkat(directory, name, buffer), 'readlinkat')));
}

function inside(map: IdMap, id: number, name: 'uid' | 'gid'): number {
  const found = toInside(map, id);
  if (found === undefined) throw new ProaError(`${name} ${id} is in none of the mapped ranges`, { kind: 'invalid' });
  return found;
}

function changed(): ProaError {
  return new ProaError('The file changed while it was read', {
    kind: 'unavailable',
    remedy: 'Pause the container first',
  });
}
