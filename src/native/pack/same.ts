import type { Attribute } from '#common/tar/entry.ts';
import { byteText } from '#native/unpack/names.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import type { DetailedStatus } from '#sys/file-status.ts';
import { reopenFile } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { targetOf } from './archive.ts';
import { attributesOf } from './attributes.ts';

export interface Time {
  seconds: number;
  nanoseconds: number;
}

interface Seen {
  handle: OwnedFd;
  status: DetailedStatus;
}

/**
 * Whether a file of a copy is not what the layers have. Size and time of change tell mostly; where both are the same, its
 * content is read if it, or a directory that leads to it, was changed since the copy was `made`: inode(7), "st_ctime",
 * which nobody can set.
 */
export function differs(now: Seen, was: Seen, { made, moved }: { made: Time; moved: boolean }): boolean {
  const [a, b] = [now.status, was.status];
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return true;
  if (compare(a.modified, b.modified) !== 0) return true;
  const isTouched = compare(a.changed, made) >= 0;
  if (a.kind !== 'directory' && (a.size !== b.size || hasNewName(a, b, isTouched))) return true;
  if (a.special.major !== b.special.major || a.special.minor !== b.special.minor) return true;
  if (!moved && !isTouched) return false;
  if (!sameAttributes(now.handle, was.handle)) return true;
  const kind = a.mode & raw.S_IFMT;
  if (kind === raw.S_IFLNK) return targetOf(now.handle) !== targetOf(was.handle);
  return kind === raw.S_IFREG && a.size > 0 && !sameContent(now.handle, was.handle);
}

/** All names of a file have to be in one layer, or they come apart. */
function hasNewName(now: DetailedStatus, was: DetailedStatus, isTouched: boolean): boolean {
  return now.links > was.links || (isTouched && now.links > 1 && now.links === was.links);
}

function compare(a: Time, b: Time): number {
  return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds;
}

function sameAttributes(a: OwnedFd, b: OwnedFd): boolean {
  return textOf(attributesOf(a.number).attributes) === textOf(attributesOf(b.number).attributes);
}

function textOf(attributes: readonly Attribute[]): string {
  return JSON.stringify(attributes.map(({ name, value }) => [byteText(name), byteText(value)]).sort());
}

const PIECE = 1 << 17;

function sameContent(a: OwnedFd, b: OwnedFd): boolean {
  using first = reopenFile(a);
  using second = reopenFile(b);
  const [one, two] = [new Uint8Array(PIECE), new Uint8Array(PIECE)];
  for (;;) {
    const count = fill(first, one);
    if (fill(second, two) !== count) return false;
    for (let at = 0; at < count; at++) if (one[at] !== two[at]) return false;
    if (count < PIECE) return true;
  }
}

/** Less than the whole only at the end of the file. */
function fill(file: OwnedFd, buffer: Uint8Array): number {
  let length = 0;
  while (length < buffer.length) {
    const room = buffer.subarray(length);
    const count = check(
      uninterrupted(() => raw.read(file.number, room, room.length)),
      'read',
    );
    if (count === 0) break;
    length += count;
  }
  return length;
}
