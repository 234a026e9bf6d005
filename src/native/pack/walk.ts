import { byteText, kernelPath, shown, splitPath } from '#native/unpack/names.ts';
import { ELOOP, ENOENT, ENOTDIR } from '#sys/errno.ts';
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
 * `vanished`: what becomes of directories that are taken away or replaced meanwhile, a failure or nothing.
 */
export function* walk(root: OwnedFd, { vanished = 'fail' as 'fail' | 'skip' } = {}): Generator<Found> {
  const openBelow = (path: string): OwnedFd | undefined => {
    const fd = resolveInRoot(
      root.number,
      path === '' ? '.' : kernelPath(path),
      raw.O_DIRECTORY,
      raw.RESOLVE_NO_SYMLINKS,
    );
    if (vanished === 'skip' && isGone(fd)) return undefined;
    return new OwnedFd(check(fd, 'openat2', shown(path)));
  };
  const waiting = childrenOf(root.number, '');
  let open: OwnedFd | undefined;
  let openPath: string | undefined;
  try {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const current = path;
      const { parent, name } = splitPath(current);
      if (parent !== openPath) {
        open?.close();
        open = openBelow(parent);
        openPath = parent;
      }
      if (!open) continue;
      yield {
        path: current,
        directory: open.number,
        name: kernelPath(name),
        enter() {
          using inner = openBelow(current);
          if (inner) for (const child of childrenOf(inner.number, current)) waiting.push(child);
        },
      };
    }
  } finally {
    open?.close();
  }
}

/** A handle on it, which stays the same file whatever becomes of its name. */
export function openFound(found: Found): OwnedFd {
  return new OwnedFd(check(handleOn(found), 'openat', shown(found.path)));
}

/** The same; undefined where it is gone. */
export function openFoundIfAny(found: Found): OwnedFd | undefined {
  const fd = handleOn(found);
  return isGone(fd) ? undefined : new OwnedFd(check(fd, 'openat', shown(found.path)));
}

function handleOn({ directory, name }: Found): number {
  return raw.openat(directory, name, raw.O_PATH | raw.O_NOFOLLOW | raw.O_CLOEXEC, 0);
}

function isGone(result: number): boolean {
  return result === -ENOENT || result === -ENOTDIR || result === -ELOOP;
}

/** Paths, the last one first. */
function childrenOf(directory: number, path: string): string[] {
  const names = listNames('.', directory).map((name) => byteText(name.subarray(0, name.length - 1)));
  names.sort((a, b) => (a < b ? 1 : -1));
  return path === '' ? names : names.map((name) => `${path}/${name}`);
}
