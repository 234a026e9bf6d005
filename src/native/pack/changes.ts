import { byteText, kernelPath } from '#native/unpack/names.ts';
import { textOf } from '#sys/bytes.ts';
import { OwnedFd } from '#sys/fd.ts';
import { listNames, statusOf } from '#sys/files.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';
import { attributesOf } from './attributes.ts';
import { isWhiteout } from './pack.ts';
import { openFound, walk } from './walk.ts';

export interface Change {
  /** Added, changed, deleted, as `docker diff` says it. */
  kind: 'A' | 'C' | 'D';
  path: string;
}

/** What the upper directory of an overlay changes, by the order of bytes. */
export function* changes(upper: OwnedFd, lower: readonly OwnedFd[]): Generator<Change> {
  for (const found of walk(upper)) {
    const { path } = found;
    using handle = openFound(found);
    const status = statusOf(handle.number);
    if (isWhiteout(status)) {
      yield { kind: 'D', path: absolute(path) };
      continue;
    }
    yield { kind: inLower(lower, path) ? 'C' : 'A', path: absolute(path) };
    if (status.kind !== 'directory') continue;
    if (attributesOf(handle.number).opaque) yield* hidden(upper, lower, path);
    found.enter();
  }
}

/** What an opaque directory hides and does not have itself. */
function* hidden(upper: OwnedFd, lower: readonly OwnedFd[], path: string): Generator<Change> {
  const names = new Set(lower.flatMap((layer) => namesIn(layer, path)));
  for (const own of namesIn(upper, path)) names.delete(own);
  for (const name of [...names].sort())
    if (inLower(lower, `${path}/${name}`)) yield { kind: 'D', path: absolute(`${path}/${name}`) };
}

/** Whether the layers below, as overlayfs merges them, have something at this path. */
function inLower(lower: readonly OwnedFd[], path: string): boolean {
  for (const layer of lower) {
    const { found, ends } = lookUp(layer, path);
    if (found) return true;
    if (ends) return false;
  }
  return false;
}

/** Whether a layer has the path, and if not, whether it hides it in those below. */
function lookUp(layer: OwnedFd, path: string): { found: boolean; ends: boolean } {
  const parts = path.split('/');
  let ends = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const fd = resolveInRoot(
      layer.number,
      kernelPath(parts.slice(0, depth).join('/')),
      raw.O_PATH | raw.O_NOFOLLOW,
      raw.RESOLVE_NO_SYMLINKS,
    );
    if (fd < 0) return { found: false, ends };
    using file = new OwnedFd(fd);
    const status = statusOf(file.number);
    if (isWhiteout(status)) return { found: false, ends: true };
    if (depth === parts.length) return { found: true, ends: true };
    if (status.kind !== 'directory') return { found: false, ends: true };
    ends ||= attributesOf(file.number).opaque;
  }
  return { found: false, ends };
}

function namesIn(layer: OwnedFd, path: string): string[] {
  const fd = resolveInRoot(layer.number, kernelPath(path), raw.O_DIRECTORY, raw.RESOLVE_NO_SYMLINKS);
  if (fd < 0) return [];
  using directory = new OwnedFd(fd);
  return listNames('.', directory.number).map((name) => byteText(name.subarray(0, name.length - 1)));
}

/** For people and the Docker API, where names are text. */
function absolute(path: string): string {
  return `/${textOf(Uint8Array.from(path, (character) => character.charCodeAt(0)))}`;
}
