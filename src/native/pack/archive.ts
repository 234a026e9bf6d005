import { ProaError } from '#common/errors.ts';
import type { Attribute } from '#common/tar/entry.ts';
import { BLOCK, type EntryKind, padded } from '#common/tar/format.ts';
import { headerBlocks, type PackedEntry } from '#common/tar/writer.ts';
import { type IdMap, toInside } from '#native/unpack/id-map.ts';
import { byteText } from '#native/unpack/names.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { type DetailedStatus, detailedStatusOf } from '#sys/file-status.ts';
import { reopenFile } from '#sys/files.ts';
import { headerBytes } from '#sys/header-bytes.ts';
import * as raw from '#sys/raw/file.ts';
import { attributesOf } from './attributes.ts';
import { Output } from './output.ts';

const kinds: { readonly [type: number]: EntryKind } = {
  [raw.S_IFREG]: 'file',
  [raw.S_IFDIR]: 'directory',
  [raw.S_IFLNK]: 'symlink',
  [raw.S_IFCHR]: 'character',
  [raw.S_IFBLK]: 'block',
  [raw.S_IFIFO]: 'fifo',
};

export interface ArchiveOptions {
  /** Where it is written to; default: standard output. */
  fd?: number;
  uidMap?: IdMap;
  gidMap?: IdMap;
  /** Later times become this one: seconds since 1970. */
  clampSeconds?: number | undefined;
  /** Access control lists are extended attributes like others. */
  acls?: boolean;
  /** What becomes of a file that is shorter than it was: a failure, or zeros in place of what is gone. */
  shortened: 'fail' | 'zeros';
}

export interface Added {
  kind: EntryKind | undefined;
  /** A directory of overlayfs that hides those below it. */
  opaque: boolean;
}

/** Writes files to an archive, each by a handle: whoever may change names meanwhile, that is the file that is written. */
export class Archive {
  readonly #options: ArchiveOptions;
  readonly #output: Output;
  readonly #data = new Uint8Array(1 << 17);
  /** Where a file with several names was first met, by device and inode number. */
  readonly #firstNames = new Map<string, string>();

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#output = new Output(options.fd);
  }

  /** Adds a file under a name, a byte for each character; what it is. Sockets are left out: nothing will listen there. */
  add(handle: OwnedFd, name: string, status = detailedStatusOf(handle.number, '')): Added {
    const kind = kinds[status.mode & raw.S_IFMT];
    if (kind === undefined) return { kind, opaque: false };
    const { attributes, opaque } = attributesOf(handle.number, this.#options);
    const entry = this.#entry(handle, name, kind, status, attributes);
    if (kind !== 'directory' && status.links > 1) {
      const key = `${status.device.major}:${status.device.minor}:${status.inode}`;
      const first = this.#firstNames.get(key);
      if (first !== undefined) {
        this.header({ ...entry, kind: 'link', link: first, size: 0, attributes: [] });
        return { kind, opaque };
      }
      this.#firstNames.set(key, name);
    }
    if (kind === 'file') this.#file(handle, entry);
    else this.header(entry);
    return { kind, opaque };
  }

  header(entry: PackedEntry): void {
    this.#output.write(headerBlocks(entry, headerBytes));
  }

  end(): void {
    this.#output.write(new Uint8Array(2 * BLOCK));
    this.#output.flush();
  }

  #entry(handle: OwnedFd, name: string, kind: EntryKind, status: DetailedStatus, attributes: Attribute[]): PackedEntry {
    const { uidMap = [], gidMap = [] } = this.#options;
    const isDevice = kind === 'character' || kind === 'block';
    return {
      kind,
      name: kind === 'directory' && !name.endsWith('/') ? `${name}/` : name,
      link: kind === 'symlink' ? targetOf(handle) : '',
      mode: status.mode & 0o7777,
      uid: inside(uidMap, status.uid, 'uid'),
      gid: inside(gidMap, status.gid, 'gid'),
      size: kind === 'file' ? status.size : 0,
      modified: this.#clamped(status.modified),
      major: isDevice ? status.special.major : 0,
      minor: isDevice ? status.special.minor : 0,
      attributes,
    };
  }

  #file(handle: OwnedFd, entry: PackedEntry): void {
    this.header(entry);
    // Files of the kernel say that they are empty, and are written so: to read some of them waits, or does something.
    if (entry.size === 0) return;
    using file = reopenFile(handle);
    let left = entry.size;
    while (left > 0) {
      const room = left < this.#data.length ? this.#data.subarray(0, left) : this.#data;
      const count = check(
        uninterrupted(() => raw.read(file.number, room, room.length)),
        'read',
      );
      if (count === 0) break;
      this.#output.write(room.subarray(0, count));
      left -= count;
    }
    if (left > 0 && this.#options.shortened === 'fail') throw changed();
    this.#zeros(left + padded(entry.size) - entry.size);
  }

  #zeros(count: number): void {
    this.#data.fill(0);
    for (let left = count; left > 0; left -= this.#data.length)
      this.#output.write(left < this.#data.length ? this.#data.subarray(0, left) : this.#data);
  }

  #clamped(time: PackedEntry['modified']): PackedEntry['modified'] {
    const { clampSeconds } = this.#options;
    return clampSeconds !== undefined && time.seconds >= clampSeconds
      ? { seconds: clampSeconds, nanoseconds: 0 }
      : time;
  }
}

/** Byte text. */
export function targetOf(link: OwnedFd): string {
  const buffer = new Uint8Array(4096);
  return byteText(buffer.subarray(0, check(raw.readlinkat(link.number, '', buffer), 'readlinkat')));
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
