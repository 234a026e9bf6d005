import { kernelPath, splitPath } from '#native/unpack/names.ts';
import { OwnedFd } from '#sys/fd.ts';
import { type DetailedStatus, detailedStatusOf } from '#sys/file-status.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';
import type { Difference } from './differences.ts';
import { MergedLayers, namesIn } from './merged.ts';
import { differs, type Time } from './same.ts';

/** A path of the copy, of the layers, or of both. */
interface Place {
  path: string;
  /** Those that have it. */
  layers: number[];
  inCopy: boolean;
  /** A directory on the way was changed, so that its content may be that of another. */
  moved: boolean;
}

/**
 * What a copy of layers has otherwise than they, by the order of bytes. Before what is different in a directory comes the
 * directory, as it does in the upper directory of an overlay. `made`: when the copy was whole; what has not been changed
 * since needs not be read. Others may write to the copy meanwhile.
 */
export function* differencesOfCopy(copy: OwnedFd, lower: readonly OwnedFd[], made: Time): Generator<Difference> {
  const merged = new MergedLayers(lower);
  const waiting: Place[] = [];
  const enter = (place: Place, { isMerged }: { isMerged: boolean }): void => {
    const below = isMerged ? merged.children(place.path, place.layers) : new Map<string, number[]>();
    waiting.push(...childrenOf(copy, place, below));
  };
  enter({ path: '', layers: merged.all, inCopy: true, moved: false }, { isMerged: true });
  let told = '';
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { path, layers } = place;
    using handle = place.inCopy ? openIn(copy, path) : undefined;
    using below = merged.open(path, layers);
    // It went while we looked.
    if (!handle && !below) continue;
    const status = handle && detailedStatusOf(handle.number, '');
    const was = below && { handle: below, status: detailedStatusOf(below.number, '') };
    const now = handle && status && { handle, status };
    if (!now || !was || differs(now, was, { made, moved: place.moved })) {
      for (const parent of parentsOf(path)) {
        if (parent === told || told.startsWith(`${parent}/`)) continue;
        using directory = openIn(copy, parent);
        if (directory) yield difference(parent, directory, detailedStatusOf(directory.number, ''));
      }
      told = path;
      yield difference(path, handle, status);
    }
    if (status?.kind !== 'directory') continue;
    const moved = place.moved || !isBefore(status.changed, made);
    enter({ ...place, moved }, { isMerged: was?.status.kind === 'directory' });
  }
}

function difference(path: string, handle: OwnedFd | undefined, status: DetailedStatus | undefined): Difference {
  return { path, now: handle && status && { handle, status }, byOverlay: false };
}

/** The last one first. */
function childrenOf(copy: OwnedFd, { path, moved }: Place, below: Map<string, number[]>): Place[] {
  const own = new Set(namesIn(copy, path));
  const names = [...own, ...[...below.keys()].filter((name) => !own.has(name))];
  names.sort((a, b) => (a < b ? 1 : -1));
  return names.map((name) => ({
    path: path === '' ? name : `${path}/${name}`,
    layers: below.get(name) ?? [],
    inCopy: own.has(name),
    moved,
  }));
}

function openIn(copy: OwnedFd, path: string): OwnedFd | undefined {
  const fd = resolveInRoot(copy.number, kernelPath(path), raw.O_PATH | raw.O_NOFOLLOW, raw.RESOLVE_NO_SYMLINKS);
  return fd < 0 ? undefined : new OwnedFd(fd);
}

/** From the top down. */
function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let { parent } = splitPath(path); parent !== ''; { parent } = splitPath(parent)) parents.unshift(parent);
  return parents;
}

function isBefore(a: Time, b: Time): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}
