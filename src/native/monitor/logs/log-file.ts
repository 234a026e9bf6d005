import { kindOf, ProaError } from '#common/errors.ts';
import { uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { sameFile, statusIfAny, statusOf } from '#sys/file-status.ts';
import { cutFile, openFile, readAt } from '#sys/files.ts';
import { O_APPEND, O_CREAT, O_RDWR, write } from '#sys/raw/file.ts';
import { Rotation } from './rotation.ts';
import type { LogSettings } from './types.ts';

const MODE = 0o640;
const FLAGS = O_RDWR | O_APPEND | O_CREAT;
/** What more is written before a rotation that failed is tried again. More than the largest record. */
const RESPITE = 262144;

/** The file that a log is written to now, and what it knows of its size. */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #maximumBytes: number;
  readonly #rotation: Rotation;
  #fd: OwnedFd;
  #size: number;
  #limit: number;
  #inspected = 0;
  /** Bytes at the end of the file that belong to no whole record. */
  #torn = 0;
  /** Why the last write failed. */
  errno = 0;

  constructor({ path, maximumBytes, files, compress }: LogSettings) {
    this.#path = path;
    this.#maximumBytes = maximumBytes === 0 ? Number.POSITIVE_INFINITY : maximumBytes;
    this.#limit = this.#maximumBytes;
    this.#rotation = new Rotation({ path, files, compress });
    this.#fd = this.#open();
    this.#size = cutTornRecord(this.#fd);
  }

  /** Bytes that may be written before the file has to be rotated. */
  get room(): number {
    return Math.max(0, this.#limit - this.#size);
  }

  /** Writes bytes; how many the file took, where less with the reason in `errno`. */
  append(bytes: Uint8Array): number {
    const { length } = bytes;
    // Behind a torn record nothing could be read.
    if (this.#torn > 0 && !this.#mend()) return 0;
    let done = 0;
    while (done < length) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      const count = uninterrupted(() => write(this.#fd.number, rest, length - done));
      if (count <= 0) {
        this.errno = -count;
        break;
      }
      done += count;
    }
    this.#size += done;
    return done;
  }

  /** Takes the last `count` bytes away, which belong to no whole record; at the next write, if not now. */
  cut(count: number): void {
    this.#torn = count;
    this.#mend();
  }

  #mend(): boolean {
    try {
      // Asked for, not remembered: somebody may have emptied the file.
      const size = Math.max(0, statusOf(this.#fd.number).size - this.#torn);
      cutFile(this.#fd, size);
      this.#size = size;
      this.#torn = 0;
      return true;
    } catch {
      return false;
    }
  }

  /** Begins a new file and keeps the old one under another name; when that fails, the old one is written to for a while. */
  rotate(): void {
    if (this.#size === 0) {
      // One record is larger than a file shall be.
      this.#limit *= 2;
      return;
    }
    const next = this.#rotation.begin(this.#fd, FLAGS, MODE);
    if (next) this.#continueWith(next, statusOf(next.number).size);
    else this.#limit = this.#size + RESPITE;
  }

  /**
   * Once a second: whether the path still leads to our file. It does not when the file was removed or moved away by
   * hand; then a new one is begun.
   */
  inspect(second: number): void {
    if (second === this.#inspected) return;
    this.#inspected = second;
    try {
      const ours = statusOf(this.#fd.number);
      this.#size = ours.size;
      if (!sameFile(ours, statusIfAny(this.#path))) this.reopen();
    } catch {
      // The directory is gone, or there are no descriptors left: the file that is open takes all, until the next second.
    }
  }

  /** Closes the file and opens it by its path, where another one may be by now. */
  reopen(): void {
    const next = this.#open();
    this.#continueWith(next, cutTornRecord(next));
  }

  #continueWith(next: OwnedFd, size: number): void {
    this.#fd.close();
    this.#fd = next;
    this.#size = size;
    this.#torn = 0;
    this.#limit = this.#maximumBytes;
  }

  #open(): OwnedFd {
    try {
      return openFile(this.#path, { flags: FLAGS, mode: MODE });
    } catch (cause) {
      throw new ProaError(`cannot open the log "${this.#path}"`, { kind: kindOf(cause), cause });
    }
  }

  [Symbol.dispose](): void {
    this.#rotation[Symbol.dispose]();
    this.#fd.close();
  }
}

/** Room for the largest record. */
const TAIL = 131072;

/**
 * Takes away the beginning of a record whose end was never written, as a loss of power leaves it; the size of what stays.
 */
function cutTornRecord(file: OwnedFd): number {
  const { size, kind } = statusOf(file.number);
  const last = new Uint8Array(1);
  if (kind !== 'file' || size === 0 || (readAt(file, last, size - 1) === 1 && last[0] === 0x0a)) return size;
  const tail = new Uint8Array(Math.min(size, TAIL));
  const newline = tail.subarray(0, readAt(file, tail, size - tail.length)).lastIndexOf(0x0a);
  // Without any newline it is no log of ours.
  if (newline < 0) return size;
  const whole = size - tail.length + newline + 1;
  cutFile(file, whole);
  return whole;
}
