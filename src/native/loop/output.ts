import { EAGAIN } from '#sys/errno.ts';
import { uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { write } from '#sys/raw/file.ts';
import type { Loop, Watch } from './loop.ts';

export interface OutputOptions {
  /** Bytes that may wait for a slow reader. */
  limit: number;
  /** The reader has gone, or was too slow: the output is no more. Called once. */
  broken(): void;
}

/** Writes to a descriptor that does not wait; what it does not take at once is kept, up to a limit, and written later. */
export class Output implements Disposable {
  readonly #loop: Loop;
  readonly #fd: OwnedFd;
  readonly #limit: number;
  /** Usually holds our owner: given up in the end, so that no cycle is left. */
  #whenBroken: (() => void) | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #watch: Watch | undefined;
  #whenEmpty: (() => void)[] = [];
  #broken = false;

  constructor(loop: Loop, fd: OwnedFd, { limit, broken }: OutputOptions) {
    this.#loop = loop;
    this.#fd = fd;
    this.#limit = limit;
    this.#whenBroken = broken;
  }

  /** Takes the bytes: the caller may use the buffer again. */
  write(bytes: Uint8Array): void {
    if (this.#broken) return;
    let rest = bytes;
    if (this.#waiting.length === 0) {
      const count = uninterrupted(() => write(this.#fd.number, rest, rest.length));
      if (count < 0 && count !== -EAGAIN) {
        this.#break();
        return;
      }
      if (count > 0) rest = rest.subarray(count);
    }
    if (rest.length === 0) return;
    if (this.#waitingBytes + rest.length > this.#limit) {
      this.#break();
      return;
    }
    this.#waiting.push(rest.slice());
    this.#waitingBytes += rest.length;
    this.#watch ??= this.#loop.watch(this.#fd.number, 'writable', () => this.#flush());
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Calls back when everything has been written, or never will be: at once where nothing waits. */
  whenEmpty(done: () => void): void {
    if (this.#waiting.length === 0) done();
    else this.#whenEmpty.push(done);
  }

  #flush(): void {
    while (this.#waiting[0]) {
      const first = this.#waiting[0];
      const count = uninterrupted(() => write(this.#fd.number, first, first.length));
      if (count === -EAGAIN) return;
      if (count < 0) {
        this.#break();
        return;
      }
      this.#waitingBytes -= count;
      if (count < first.length) this.#waiting[0] = first.subarray(count);
      else this.#waiting.shift();
    }
    this.#stop();
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    for (const told of this.#whenEmpty.splice(0)) told();
  }

  #break(): void {
    const told = this.#whenBroken;
    this[Symbol.dispose]();
    told?.();
  }

  #stop(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  /** Stops writing; the descriptor is the caller's. */
  [Symbol.dispose](): void {
    this.#broken = true;
    this.#stop();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#whenBroken = undefined;
    this.#tellEmpty();
  }
}
