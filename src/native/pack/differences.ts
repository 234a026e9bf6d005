import type { OwnedFd } from '#sys/fd.ts';
import { type DetailedStatus, detailedStatusOf } from '#sys/file-status.ts';
import * as raw from '#sys/raw/file.ts';
import { openFound, walk } from './walk.ts';

/** Something that is not as the layers below have it. */
export interface Difference {
  /** Byte text. */
  path: string;
  /** What is there now, open until the next one is asked for; undefined where it is deleted. */
  now: { handle: OwnedFd; status: DetailedStatus } | undefined;
  /** Of an overlay, where an attribute of a directory says that it hides those below it. */
  byOverlay: boolean;
}

/** What the upper directory of an overlay has, by the order of bytes, each directory before what is in it. */
export function* differencesOfUpper(upper: OwnedFd): Generator<Difference> {
  for (const found of walk(upper)) {
    using handle = openFound(found);
    const status = detailedStatusOf(handle.number, '');
    const { path } = found;
    yield { path, now: isWhiteout(status) ? undefined : { handle, status }, byOverlay: true };
    if (status.kind === 'directory') found.enter();
  }
}

/** All that a directory has, where there is nothing below it: names and attributes mean nothing. */
export function* differencesOfTree(root: OwnedFd): Generator<Difference> {
  for (const found of walk(root)) {
    using handle = openFound(found);
    const status = detailedStatusOf(handle.number, '');
    yield { path: found.path, now: { handle, status }, byOverlay: false };
    if (status.kind === 'directory') found.enter();
  }
}

export function isWhiteout({ mode, special }: Pick<DetailedStatus, 'mode' | 'special'>): boolean {
  return (mode & raw.S_IFMT) === raw.S_IFCHR && special.major === 0 && special.minor === 0;
}
