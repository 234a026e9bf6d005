import { kindOf, ProaError } from '#common/errors.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { EBUSY, EEXIST, EISDIR, ENOENT, ENOTEMPTY } from '#sys/errno.ts';
import { check, SystemError } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { isMountPoint } from '#sys/file-status.ts';
import { listNames, textOfPath } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';

/** Called before anything is removed; throws for what has to stay. */
export type Guard = (directory: number, name: raw.Path) => void;

/** Removes whatever has this name; whether there was something. Links are not followed. */
export function removeAny(directory: number, name: raw.Path, guard?: Guard): boolean {
  guard?.(directory, name);
  const result = raw.unlinkat(directory, name, 0);
  if (result === -ENOENT) return false;
  if (result !== -EISDIR) {
    check(result, 'unlinkat', textOfPath(name));
    return true;
  }
  if (removedEmpty(directory, name)) return true;
  {
    using inner = openAt(directory, name);
    emptyDirectory(inner, guard);
  }
  check(raw.unlinkat(directory, name, raw.AT_REMOVEDIR), 'unlinkat', textOfPath(name));
  return true;
}

/**
 * The guard of what is mounted. Of a container that runs, the kernel would not refuse: whoever is in another mount namespace
 * takes the mount away with the name, and goes through it to what it holds. rename(2), unlink(2): EBUSY.
 */
export const keepMounts: Guard = (directory, name) => {
  if (isMountPoint(directory, name)) throw new SystemError('unlinkat', EBUSY, textOfPath(name));
};

/** The failure after which a directory was emptied again; it says so where that failed too. */
export function emptiedAfter(directory: OwnedFd, error: unknown): unknown {
  try {
    emptyDirectory(directory);
    return error;
  } catch (removal) {
    const { message } = failureMessage(removal);
    return new ProaError(`Cannot remove what was unpacked (${message})`, { kind: kindOf(error), cause: error });
  }
}

/**
 * Removes everything in a directory. Directories deeper down are moved up first, so that however deep a hostile archive
 * went, neither descriptors nor stack run out.
 */
export function emptyDirectory(directory: OwnedFd, guard?: Guard): void {
  let serial = 0;
  for (;;) {
    const names = listNames('.', directory.number);
    if (names.length === 0) return;
    for (const name of names) {
      guard?.(directory.number, name);
      if (removedPlain(directory.number, name)) continue;
      {
        using inner = openAt(directory.number, name);
        for (const innerName of listNames('.', inner.number)) {
          guard?.(inner.number, innerName);
          if (!removedPlain(inner.number, innerName)) serial = moveUp(inner, innerName, directory, serial);
        }
      }
      check(raw.unlinkat(directory.number, name, raw.AT_REMOVEDIR), 'unlinkat', textOfPath(name));
    }
  }
}

function moveUp(from: OwnedFd, name: Uint8Array, to: OwnedFd, serial: number): number {
  for (let next = serial; ; next++) {
    const result = raw.renameat2(from.number, name, to.number, `.removed-${next}`, raw.RENAME_NOREPLACE);
    if (result === -EEXIST) continue;
    check(result, 'renameat2', textOfPath(name));
    return next + 1;
  }
}

/** Whether it is gone: a file of any kind, or an empty directory. */
function removedPlain(directory: number, name: Uint8Array): boolean {
  const result = raw.unlinkat(directory, name, 0);
  if (result === -EISDIR) return removedEmpty(directory, name);
  check(result, 'unlinkat', textOfPath(name));
  return true;
}

function removedEmpty(directory: number, name: raw.Path): boolean {
  const result = raw.unlinkat(directory, name, raw.AT_REMOVEDIR);
  if (result === -ENOTEMPTY) return false;
  check(result, 'unlinkat', textOfPath(name));
  return true;
}

function openAt(directory: number, name: raw.Path): OwnedFd {
  const flags = raw.O_DIRECTORY | raw.O_NOFOLLOW | raw.O_CLOEXEC;
  return owned(raw.openat(directory, name, flags, 0), 'openat', textOfPath(name));
}
