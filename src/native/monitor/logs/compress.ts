import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { sameFile, statusIfAny, statusOf } from '#sys/file-status.ts';
import { openFile, openFileIfAny, removeFile, renameFile, writeAll } from '#sys/files.ts';
import { gzip, gzipRoom } from '#sys/gzip.ts';
import type { Mutex } from '#sys/mutex.ts';
import { closeOthers, setNice, setParentDeathSignal } from '#sys/processes.ts';
import { O_CREAT, O_TRUNC, O_WRONLY, read } from '#sys/raw/file.ts';
import { blockSignals, SIGTERM, unblockSignals } from '#sys/signals.ts';

/** Compressed at once, as one gzip member. */
const CHUNK = 260_000;
const LEVEL = 6;

/** Where a file is compressed to; left over when the process is killed. */
export const leftover = (path: string) => `${path}.gz.new`;

interface Work {
  path: string;
  files: number;
  /** Held while names change. */
  names: Mutex;
}

/** Compresses rotated files until none is left that is not: all that a process of its own does. Its exit status. */
export function compressRotated(work: Work): number {
  // A later monitor of the same log knows nothing of this process. A signal that can be blocked: see putInPlace.
  setParentDeathSignal(SIGTERM);
  unblockSignals([SIGTERM]);
  // What is open is the monitor's: nobody shall wait for us to see its end.
  closeOthers(work.names.fd);
  for (;;) {
    using source = youngest(work);
    if (!source) return 0;
    try {
      setNice(19);
      compress(source, leftover(work.path));
    } catch {
      // The disk is full, say. The file stays as it is, which is readable too.
      removeFile(leftover(work.path));
      return 1;
    }
    putInPlace(source, work);
  }
}

/** Rotation goes on meanwhile: a file that moves past us is met again, or at the next rotation. */
function youngest({ path, files }: Work): OwnedFd | undefined {
  for (let age = 1; age < files; age++) {
    const file = openFileIfAny(`${path}.${age}`);
    if (file) return file;
  }
  return undefined;
}

function compress(source: OwnedFd, path: string): void {
  using target = openFile(path, { flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o640 });
  const input = new Uint8Array(CHUNK);
  const output = new Uint8Array(gzipRoom(CHUNK));
  for (;;) {
    const count = check(
      uninterrupted(() => read(source.number, input, input.length)),
      'read',
    );
    if (count === 0) return;
    const size = gzip(input.subarray(0, count), output, LEVEL);
    writeAll(target.number, output.subarray(0, size), path);
  }
}

/** The compressed file takes the place of its source, wherever rotation has moved that meanwhile; it may be gone. */
function putInPlace(source: OwnedFd, { path, files, names }: Work): void {
  const status = statusOf(source.number);
  // Ended between the two calls, it would leave the file twice.
  blockSignals([SIGTERM]);
  // Rotation is put off while the names are held: not for the time that everything else takes.
  setNice(0);
  names.take();
  try {
    for (let age = 1; age < files; age++) {
      const name = `${path}.${age}`;
      if (!sameFile(status, statusIfAny(name))) continue;
      renameFile(leftover(path), `${name}.gz`);
      removeFile(name);
      return;
    }
    removeFile(leftover(path));
  } finally {
    names.release();
    unblockSignals([SIGTERM]);
  }
}
