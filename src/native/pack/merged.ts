import { byteText, kernelPath } from '#native/unpack/names.ts';
import { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { listNames } from '#sys/files.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';
import { attributesOf } from './attributes.ts';
import { isWhiteout } from './differences.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * Layers as they show together, without a mount. Whiteouts are those of overlayfs, or names as an archive has them, where
 * the file system of the layers takes no others. Of a path: the layers that have it, the uppermost first; of several all
 * are directories.
 */
export class MergedLayers {
  readonly #layers: readonly OwnedFd[];
  /** Directories that lead to the path that was asked for last. */
  readonly #levels: { path: string; children: Map<string, number[]> }[] = [];

  constructor(layers: readonly OwnedFd[]) {
    this.#layers = layers;
  }

  /** Those of the root. */
  get all(): number[] {
    return [...this.#layers.keys()];
  }

  /** Those of any path; soon where the last one that was asked for was near. */
  layersOf(path: string): number[] {
    let layers = this.all;
    let at = '';
    for (const [depth, name] of path.split('/').entries()) {
      const known = this.#levels[depth];
      const level = known?.path === at ? known : { path: at, children: this.children(at, layers) };
      if (level !== known) this.#levels.splice(depth, Infinity, level);
      layers = level.children.get(name) ?? [];
      if (layers.length === 0) break;
      at = at === '' ? name : `${at}/${name}`;
    }
    return layers;
  }

  /** What is in a directory that some layers have: by name, the layers of each. */
  children(path: string, layers: readonly number[]): Map<string, number[]> {
    const found = new Map<string, number[]>();
    const ended = new Set<string>();
    for (const [at, layer] of layers.entries()) {
      using directory = this.#open(layer, path, raw.O_DIRECTORY);
      if (!directory) continue;
      const names = listed(directory);
      const hidden = new Set<string>();
      const isLast = at === layers.length - 1;
      for (const name of names) {
        if (name.startsWith(WHITEOUT)) hidden.add(name.slice(WHITEOUT.length));
        else if (!ended.has(name) && addChild(found, { directory, name, layer, isLast })) hidden.add(name);
      }
      if (names.includes(OPAQUE)) break;
      for (const name of hidden) ended.add(name);
    }
    return found;
  }

  /** A handle on what the uppermost layer has there. */
  open(path: string, layers: readonly number[]): OwnedFd | undefined {
    return layers[0] === undefined ? undefined : this.#open(layers[0], path, raw.O_PATH | raw.O_NOFOLLOW);
  }

  #open(layer: number, path: string, flags: number): OwnedFd | undefined {
    const root = this.#layers[layer] as OwnedFd;
    const fd = resolveInRoot(root.number, path === '' ? '.' : kernelPath(path), flags, raw.RESOLVE_NO_SYMLINKS);
    return fd < 0 ? undefined : new OwnedFd(fd);
  }
}

interface Child {
  directory: OwnedFd;
  name: string;
  layer: number;
  /** None is below it, so that nothing can be hidden. */
  isLast: boolean;
}

/** Whether what layers below have by that name does not show. */
function addChild(found: Map<string, number[]>, { directory, name, layer, isLast }: Child): boolean {
  const status = statusOf(directory.number, kernelPath(name));
  if (isWhiteout(status)) return true;
  const layers = found.get(name);
  if (status.kind !== 'directory') {
    // A file below a directory ends what that shows.
    if (!layers) found.set(name, [layer]);
    return true;
  }
  if (layers) layers.push(layer);
  else found.set(name, [layer]);
  return !isLast && isOpaque(directory, name);
}

function isOpaque(directory: OwnedFd, name: string): boolean {
  const fd = raw.openat(directory.number, kernelPath(name), raw.O_PATH | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0);
  if (fd < 0) return false;
  using handle = new OwnedFd(fd);
  return attributesOf(handle.number).opaque;
}

/** Names in a directory of the root, as byte text; none where it is gone. */
export function namesIn(root: OwnedFd, path: string): string[] {
  const at = path === '' ? '.' : kernelPath(path);
  const fd = resolveInRoot(root.number, at, raw.O_DIRECTORY, raw.RESOLVE_NO_SYMLINKS);
  if (fd < 0) return [];
  using directory = new OwnedFd(fd);
  return listed(directory);
}

function listed(directory: OwnedFd): string[] {
  return listNames('.', directory.number).map((name) => byteText(name.subarray(0, name.length - 1)));
}
