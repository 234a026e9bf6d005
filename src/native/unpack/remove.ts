import { kindOf, ProaError } from '#common/errors.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { EEXIST, EISDIR, ENOENT, ENOTEMPTY } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { listNames, textOfPath } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';

/** Removes whatever has this name; whether there was something. Links are not followed. */
export function removeAny(directory: number, name: raw.Path): boolean {
  const result = raw.unlinkat(directory, name, 0);
  if (result === -ENOENT) return false;
  if (result !== -EISDIR) {
    check(result, 'unlinkat', textOfPath(name));
    return true;
  }
  if (removedEmpty(directory, name)) return true;
  {
    using inner = openAt(directory, name);
    emptyDirectory(inner);
  }
  check(raw.unlinkat(directory, name, raw.AT_REMOVEDIR), 'unlinkat', textOfPath(name));
  return true;
}

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
export function emptyDirectory(directory: OwnedFd): void {
  let serial = 0;
  for (;;) {
    const names = listNames('.', directory.number);
    if (names.length === 0) return;
    for (const name of names) {
      if (removedPlain(directory.number, name)) continue;
      {
        using inner = openAt(directory.number, name);
        for (const innerName of listNames('.', inner.number))
          if (!removedPlain(inner.number, innerName)) serial = moveUp(inner, innerName, directory, serial);
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
