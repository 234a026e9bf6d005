import { ProaError } from '#common/errors.ts';
import type { Attribute, Entry } from '#common/tar/entry.ts';
import type { Time } from '#common/tar/time.ts';
import { terminated } from '#sys/bytes.ts';
import { EOPNOTSUPP, EPERM } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import { owned } from '#sys/fd.ts';
import * as raw from '#sys/raw/file.ts';
import { mappedCapability } from './file-capability.ts';
import { type IdMap, toOutside } from './id-map.ts';
import { byteText, kernelPath } from './names.ts';

/** Sets who owns what is unpacked, its permissions, extended attributes and times: in this order, see `ofFile`. */
export class Attributes {
  readonly #uidMap: IdMap;
  readonly #gidMap: IdMap;
  readonly #owner: { uid: number; gid: number } | undefined;
  readonly #asMade: boolean;
  /** Whether files are made with the ids that the archive has for this process's. */
  readonly #sameIds: boolean;
  readonly #own: { uid: number; gid: number };
  readonly #times = new Uint8Array(32);
  readonly #words = new Int32Array(this.#times.buffer);
  /** Extended attributes that the file system or the kernel did not take. */
  refused = 0;

  /**
   * `owner`: in place of what the archive says. `asMade`: new files get this process's ids and just the permissions they
   * are made with.
   */
  constructor(options: {
    uidMap: IdMap;
    gidMap: IdMap;
    owner?: { uid: number; gid: number } | undefined;
    asMade: boolean;
    own: { uid: number; gid: number };
  }) {
    this.#uidMap = options.uidMap;
    this.#gidMap = options.gidMap;
    this.#owner = options.owner;
    this.#asMade = options.asMade;
    this.#sameIds = options.asMade && options.uidMap.length === 0 && options.gidMap.length === 0;
    this.#own = options.own;
  }

  /** Of a file that was made with the lower nine bits of its permissions and is open for writing. */
  ofFile(fd: number, entry: Entry): void {
    // chown(2) takes set-id bits and capabilities away, so the owner comes first; a write would change the time, so that is last.
    const changed = this.#setOwner(fd, '', entry, raw.AT_EMPTY_PATH);
    if (!this.#asMade || entry.mode > 0o777 || (changed && entry.mode & 0o6000)) this.#mode(fd, entry.mode);
    if (entry.attributes.length > 0) this.#attributesOf(fd, entry.attributes);
    this.#setTimes(fd, null, entry, 0);
  }

  /** Of a directory that is open for reading. */
  ofDirectory(fd: number, entry: Entry): void {
    this.#setOwner(fd, '', entry, raw.AT_EMPTY_PATH, true);
    this.#mode(fd, entry.mode);
    if (entry.attributes.length > 0) this.#attributesOf(fd, entry.attributes);
    this.#setTimes(fd, null, entry, 0);
  }

  /** Of a link, device or pipe, which must not be opened. */
  ofOther(directory: number, name: raw.Path, entry: Entry): void {
    const changed = this.#setOwner(directory, name, entry, raw.AT_SYMLINK_NOFOLLOW);
    if (entry.kind !== 'symlink' && (!this.#asMade || changed || entry.mode > 0o777))
      modeOfOther(directory, name, entry.mode);
    if (entry.attributes.length > 0) {
      const path = pathBelow(directory, name);
      for (const { name: attribute, value } of this.#wanted(entry.attributes))
        this.#answer(raw.lsetxattr(path, terminated(attribute), ...valueAndLength(value)), attribute);
    }
    this.#setTimes(directory, name, entry, raw.AT_SYMLINK_NOFOLLOW);
  }

  /** Whether it had to be changed. */
  #setOwner(fd: number, name: raw.Path, entry: Entry, flags: number, always = false): boolean {
    if (this.#owner) {
      check(raw.fchownat(fd, name, this.#owner.uid, this.#owner.gid, flags), 'fchownat');
      return true;
    }
    if (!always && this.#sameIds && entry.uid === this.#own.uid && entry.gid === this.#own.gid) return false;
    const uid = mapped(this.#uidMap, entry.uid, 'uid');
    const gid = mapped(this.#gidMap, entry.gid, 'gid');
    check(raw.fchownat(fd, name, uid, gid, flags), 'fchownat');
    return true;
  }

  #mode(fd: number, mode: number): void {
    check(raw.fchmod(fd, mode), 'fchmod');
  }

  #attributesOf(fd: number, attributes: readonly Attribute[]): void {
    for (const { name, value } of this.#wanted(attributes))
      this.#answer(raw.fsetxattr(fd, terminated(name), ...valueAndLength(value)), name);
  }

  #wanted(attributes: readonly Attribute[]): Attribute[] {
    const wanted: Attribute[] = [];
    for (const { name, value } of attributes) {
      const text = byteText(name);
      // Overlayfs believes these: `redirect` would show any directory of the layers below under any name.
      if (text.startsWith('trusted.overlay.') || text.startsWith('user.overlay.')) continue;
      const isCapability = text === 'security.capability' && this.#uidMap.length > 0;
      wanted.push({ name, value: isCapability ? mappedCapability(value, this.#uidMap) : value });
    }
    return wanted;
  }

  #answer(result: number, name: Uint8Array): void {
    // As Docker: an image is usable without them, and neither file system nor namespace can be changed by the user.
    if (result === -EOPNOTSUPP || (result === -EPERM && !isCapabilityName(name))) this.refused++;
    else check(result, 'setxattr', byteText(name));
  }

  #setTimes(fd: number, name: raw.Path | null, { modified, accessed }: Entry, flags: number): void {
    this.#put(0, accessed ?? modified);
    this.#put(4, modified);
    check(raw.utimensat(fd, name, this.#times, flags), 'utimensat');
  }

  #put(at: number, { seconds, nanoseconds }: Time): void {
    this.#words[at] = seconds | 0;
    this.#words[at + 1] = Math.floor(seconds / 2 ** 32);
    this.#words[at + 2] = nanoseconds;
  }
}

/** Not by its name: in a container that runs, that may be a link by now, which fchmodat(2) would follow. */
function modeOfOther(directory: number, name: raw.Path, mode: number): void {
  using handle = owned(raw.openat(directory, name, raw.O_PATH | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0), 'openat');
  check(raw.fchmodat(raw.AT_FDCWD, `/proc/self/fd/${handle.number}`, mode), 'fchmodat');
}

function isCapabilityName(name: Uint8Array): boolean {
  return byteText(name) === 'security.capability';
}

function mapped(map: IdMap, id: number, name: 'uid' | 'gid'): number {
  const outside = toOutside(map, id);
  if (outside === undefined)
    throw new ProaError(`${name} ${id} is in none of the mapped ranges`, {
      kind: 'invalid',
      remedy: `Give a range that holds ${id} with --${name}-map`,
    });
  return outside;
}

/** The door takes no empty array. */
function valueAndLength(value: Uint8Array): [Uint8Array, number] {
  return [value.length === 0 ? new Uint8Array(1) : value, value.length];
}

/** A path for calls that know no directory descriptors; the descriptor is ours, and the last part is not followed. */
function pathBelow(directory: number, name: raw.Path): raw.Path {
  if (typeof name === 'string') return `/proc/self/fd/${directory}/${name}`;
  const before = `/proc/self/fd/${directory}/`;
  return kernelPath(before + byteText(name.subarray(0, name.indexOf(0))));
}
