import { BLOCK, type EntryKind, padded } from '#common/tar/format.ts';
import { headerBlocks, type PackedEntry } from '#common/tar/writer.ts';
import { attributesOf } from '#native/pack/attributes.ts';
import { Output } from '#native/pack/output.ts';
import { walk } from '#native/pack/walk.ts';
import { byteText } from '#native/unpack/names.ts';
import { scanHeader, utf8 } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { owned } from '#sys/fd.ts';
import { detailedStatusOf, openDirectory } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { type Rebase, splitEntry } from './names.ts';

const kinds: { readonly [type: number]: EntryKind } = {
  [raw.S_IFREG]: 'file',
  [raw.S_IFDIR]: 'directory',
  [raw.S_IFLNK]: 'symlink',
  [raw.S_IFCHR]: 'character',
  [raw.S_IFBLK]: 'block',
  [raw.S_IFIFO]: 'fifo',
};

/** Writes to standard output an archive of what is at `path`, under the name that `rebase` gives it. */
export function packPath(path: string, { to }: Rebase): void {
  const packer = new Packer();
  const { directory, base } = splitEntry(path);
  using parent = openDirectory(directory);
  const top = byteText(utf8(to));
  const isDirectory = packer.add(parent.number, base === '.' || base === '/' ? '.' : base, top);
  if (isDirectory) {
    using root = openDirectory(path);
    for (const { path: inner, directory: holder, name, enter } of walk(root))
      if (packer.add(holder, name, `${top}/${inner}`)) enter();
  }
  packer.end();
}

class Packer {
  readonly #output = new Output();
  readonly #data = new Uint8Array(1 << 16);
  readonly #firstNames = new Map<string, string>();

  /** Whether it is a directory. */
  add(directory: number, name: raw.Path, as: string): boolean {
    const status = detailedStatusOf(directory, name);
    const kind = kinds[status.mode & raw.S_IFMT];
    if (kind === undefined) return false; // a socket: nothing listens at a copy
    const isDevice = kind === 'character' || kind === 'block';
    const entry: PackedEntry = {
      kind,
      name: kind === 'directory' ? `${as}/` : as,
      link: kind === 'symlink' ? targetOf(directory, name) : '',
      mode: status.mode & 0o7777,
      uid: status.uid,
      gid: status.gid,
      size: kind === 'file' ? status.size : 0,
      modified: status.modified,
      major: isDevice ? status.special.major : 0,
      minor: isDevice ? status.special.minor : 0,
      attributes: attributesOf(directory, name).attributes,
    };
    const key = `${status.device.major}:${status.device.minor}:${status.inode}`;
    const first = kind !== 'directory' && status.links > 1 ? this.#firstNames.get(key) : undefined;
    if (first !== undefined) this.#header({ ...entry, kind: 'link', link: first, size: 0, attributes: [] });
    else if (kind === 'file') this.#file(directory, name, entry);
    else this.#header(entry);
    this.#firstNames.set(key, as);
    return kind === 'directory';
  }

  #header(entry: PackedEntry): void {
    this.#output.write(headerBlocks(entry, scanHeader));
  }

  /** The header has promised its size: what is missing of a file that became shorter is zeros. */
  #file(directory: number, name: raw.Path, entry: PackedEntry): void {
    using file = owned(
      raw.openat(directory, name, raw.O_NOFOLLOW | raw.O_NONBLOCK | raw.O_CLOEXEC, 0),
      'openat',
      entry.name,
    );
    this.#header(entry);
    let left = entry.size;
    while (left > 0) {
      const room = left < this.#data.length ? this.#data.subarray(0, left) : this.#data;
      const count = check(
        uninterrupted(() => raw.read(file.number, room, room.length)),
        'read',
        entry.name,
      );
      if (count === 0) room.fill(0);
      this.#output.write(count === 0 ? room : room.subarray(0, count));
      left -= count === 0 ? room.length : count;
    }
    this.#output.write(new Uint8Array(padded(entry.size) - entry.size));
  }

  end(): void {
    this.#output.write(new Uint8Array(2 * BLOCK));
    this.#output.flush();
  }
}

function targetOf(directory: number, name: raw.Path): string {
  const buffer = new Uint8Array(4096);
  return byteText(buffer.subarray(0, check(raw.readlinkat(directory, name, buffer), 'readlinkat')));
}
