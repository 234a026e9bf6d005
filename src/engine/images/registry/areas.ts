const AREA_BYTES = 256 << 10;
const AREAS = 4;
/** A read into less than this is not worth it. */
const LEAST_BYTES = 32 << 10;

/**
 * Memory that a connection reads into and somebody else looks at, in turns: the same few areas again and again. An area
 * that is full is lent with the pieces that are taken next, and is used again when those have been given back. One is always
 * kept for the next read.
 */
export class Areas {
  readonly #free: Buffer[] = [];
  /** Full, with pieces that nobody has taken yet. */
  #full: Buffer[] = [];
  #lent: Buffer[] = [];
  #current: Buffer | undefined;
  #at = 0;

  /** Where the next bytes go. */
  room(): Buffer {
    this.#current ??= this.#take();
    return this.#current.subarray(this.#at);
  }

  /** The bytes that have gone there. */
  filled(length: number): Buffer {
    const current = this.#current as Buffer;
    const piece = current.subarray(this.#at, this.#at + length);
    this.#at += length;
    if (current.length - this.#at < LEAST_BYTES) {
      this.#full.push(current);
      this.#current = this.#take();
      this.#at = 0;
    }
    return piece;
  }

  /** Whether more may be read before something is given back. */
  get hasRoom(): boolean {
    return this.#full.length + this.#lent.length < AREAS - 1;
  }

  /** The pieces that there are have been taken. */
  lend(): void {
    this.#lent = this.#full;
    this.#full = [];
  }

  /** The pieces that were taken last are not looked at any more. Whether there was no room before, and is now. */
  giveBack(): boolean {
    const had = this.hasRoom;
    this.#free.push(...this.#lent);
    this.#lent = [];
    return !had && this.hasRoom;
  }

  /** Nobody looks at any piece. */
  release(): void {
    this.#free.push(...this.#full);
    this.#full = [];
  }

  #take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(AREA_BYTES);
  }
}
