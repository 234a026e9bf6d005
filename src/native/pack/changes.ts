import { textOf } from '#sys/bytes.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { attributesOf } from './attributes.ts';
import type { Difference } from './differences.ts';
import { MergedLayers, namesIn } from './merged.ts';

export interface Change {
  /** Added, changed, deleted, as `docker diff` says it. */
  kind: 'A' | 'C' | 'D';
  path: string;
  /** What a file that is there takes by its size; each name of it counts. */
  bytes: number;
}

/** Differences as people are told them. */
export function* changes(
  root: OwnedFd,
  lower: readonly OwnedFd[],
  differences: Iterable<Difference>,
): Generator<Change> {
  const merged = new MergedLayers(lower);
  for (const { path, now, byOverlay } of differences) {
    if (!now) {
      yield deleted(path);
      continue;
    }
    const { kind, size } = now.status;
    const isThere = merged.layersOf(path).length > 0;
    yield { kind: isThere ? 'C' : 'A', path: absolute(path), bytes: kind === 'directory' ? 0 : size };
    if (byOverlay && kind === 'directory' && attributesOf(now.handle.number).opaque) yield* hidden(root, merged, path);
  }
}

/** What an opaque directory hides and does not have itself. */
function* hidden(upper: OwnedFd, merged: MergedLayers, path: string): Generator<Change> {
  const names = new Set(merged.children(path, merged.layersOf(path)).keys());
  for (const own of namesIn(upper, path)) names.delete(own);
  for (const name of [...names].sort()) yield deleted(`${path}/${name}`);
}

function deleted(path: string): Change {
  return { kind: 'D', path: absolute(path), bytes: 0 };
}

/** For people and the Docker API, where names are text. */
function absolute(path: string): string {
  return `/${textOf(Uint8Array.from(path, (character) => character.charCodeAt(0)))}`;
}
