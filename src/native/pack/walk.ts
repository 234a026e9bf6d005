import { byteText, kernelPath, shown, splitPath } from '#native/unpack/names.ts';
import { check } from '#sys/errors.ts';
import { OwnedFd } from '#sys/fd.ts';
import { listNames } from '#sys/files.ts';
import { resolveInRoot } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';

/** A file on a walk; the directory is open until the next one is asked for. */
export interface Found {
  path: string;
  directory: number;
  name: raw.Path;
  /** Goes on below it. */
  enter(): void;
}

/**
 * All below a directory, by the order of their bytes, each directory before what is in it. In a loop, with one directory
 * open at a time: what a container made may be deeper than stack or descriptors last. Links are not followed.
 */
export function* walk(root: OwnedFd): Generator<Found> {
  const waiting = childrenOf(root.number, '');
  let open: OwnedFd | undefined;
  let openPath: string | undefined;
  try {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const current = path;
      const { parent, name } = splitPath(current);
      if (parent !== openPath) {
        open?.close();
        open = openBelow(root.number, parent);
        openPath = parent;
      }
      yield {
        path: current,
        directory: (open as OwnedFd).number,
        name: kernelPath(name),
        enter() {
          using inner = openBelow(root.number, current);
          for (const child of childrenOf(inner.number, current)) waiting.push(child);
        },
      };
    }
  } finally {
    open?.close();
  }
}

function openBelow(root: number, path: string): OwnedFd {
  const fd = resolveInRoot(root, path === '' ? '.' : kernelPath(path), raw.O_DIRECTORY, raw.RESOLVE_NO_SYMLINKS);
  return new OwnedFd(check(fd, 'openat2', shown(path)));
}

/** Paths, the last one first. */
function childrenOf(directory: number, path: string): string[] {
  const names = listNames('.', directory).map((name) => byteText(name.subarray(0, name.length - 1)));
  names.sort((a, b) => (a < b ? 1 : -1));
  return path === '' ? names : names.map((name) => `${path}/${name}`);
}
