import { ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { sameFile, statusIfAny, statusOf } from '#sys/file-status.ts';
import { exists, openFile, removeFile, renameFile } from '#sys/files.ts';
import { Mutex } from '#sys/mutex.ts';
import { type Child, cloneProcess, stillRuns } from '#sys/processes.ts';
import { O_TRUNC } from '#sys/raw/file.ts';
import { compressRotated, leftover } from './compress.ts';

interface RotationSettings {
  path: string;
  files: number;
  compress: boolean;
}

/**
 * Keeps the files that a log was written to before: `PATH.1` is the youngest, and with compression they become
 * `PATH.1.gz` after a while. That is done by another process, one at a time; what this one does to the names excludes
 * what that one does.
 */
export class Rotation implements Disposable {
  readonly #path: string;
  readonly #files: number;
  readonly #compresses: boolean;
  /** Made with the first rotation, which most logs do not come to. */
  #names: Mutex | undefined;
  #compressor: Child | undefined;

  constructor({ path, files, compress }: RotationSettings) {
    this.#path = path;
    this.#files = files;
    this.#compresses = compress && files > 1;
    if (!this.#compresses) return;
    removeIfAny(leftover(path));
    this.#removeDoubles();
  }

  /** Opens a new file by the log's path and keeps the current one as the youngest. undefined: not now. */
  begin(current: OwnedFd, flags: number, mode: number): OwnedFd | undefined {
    try {
      if (this.#compresses) this.#names ??= new Mutex();
    } catch {
      return undefined;
    }
    // The other process holds it for two renames: nobody's output waits for those.
    if (this.#names && !this.#names.tryTake()) return undefined;
    try {
      return this.#replace(current, flags, mode);
    } catch {
      return undefined;
    } finally {
      this.#names?.release();
      if (this.#names) this.#compress(this.#names);
    }
  }

  #replace(current: OwnedFd, flags: number, mode: number): OwnedFd {
    const path = this.#path;
    // Another file by our path is somebody else's, who moved ours away: it is continued.
    if (!sameFile(statusOf(current.number), statusIfAny(path))) return openFile(path, { flags, mode });
    const fresh = `${path}.new`;
    // First what may fail for lack of space.
    const next = openFile(fresh, { flags: flags | O_TRUNC, mode });
    try {
      if (this.#files > 1) this.#shift();
      renameFile(fresh, path);
      return next;
    } catch (error) {
      next.close();
      // What we go on writing to must not be compressed as if it were done with.
      if (sameFile(statusOf(current.number), statusIfAny(`${path}.1`))) renameFile(`${path}.1`, path);
      removeIfAny(fresh);
      throw error;
    }
  }

  /** A loss of power may have come between the putting in place of a compressed file and the removal of its source. */
  #removeDoubles(): void {
    for (let age = 1; age < this.#files; age++) {
      const name = `${this.#path}.${age}`;
      const plain = exists(name);
      const compressed = exists(`${name}.gz`);
      if (!plain && !compressed) return;
      if (plain && compressed) removeIfAny(`${name}.gz`);
    }
  }

  /** Every file becomes one older, up to the first age that none has; the oldest is gone. */
  #shift(): void {
    const names = (age: number) => [`${this.#path}.${age}`, `${this.#path}.${age}.gz`] as const;
    let free = 1;
    while (free < this.#files - 1 && names(free).some((name) => exists(name))) free++;
    for (const name of names(free)) removeIfAny(name);
    for (let age = free - 1; age >= 1; age--)
      names(age).forEach((name, index) => {
        renameIfAny(name, names(age + 1)[index] as string);
      });
    renameFile(this.#path, `${this.#path}.1`);
  }

  /** Has rotated files compressed, unless that is being done: the process looks for more before it ends. */
  #compress(names: Mutex): void {
    if (this.#compressor) {
      if (stillRuns(this.#compressor)) return;
      this.#compressor.pidfd.close();
      this.#compressor = undefined;
    }
    try {
      this.#compressor = cloneProcess({}, () => compressRotated({ path: this.#path, files: this.#files, names }));
    } catch {
      // No process, no memory: they stay as they are until the next rotation.
    }
  }

  [Symbol.dispose](): void {
    this.#compressor?.pidfd.close();
    this.#names?.[Symbol.dispose]();
  }
}

function removeIfAny(path: string): void {
  try {
    removeFile(path);
  } catch {
    // It is in nobody's way.
  }
}

function renameIfAny(from: string, to: string): void {
  try {
    renameFile(from, to);
  } catch (error) {
    if (!isErrno(error, ENOENT)) throw error;
  }
}
