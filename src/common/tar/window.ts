/** Fills a buffer, at least in part; 0 when there is no more. */
export type Read = (into: Uint8Array) => number;

/** The part of a stream that is in memory: `bytes` from `at` to `end`. */
export class Window {
  readonly bytes: Uint8Array;
  at = 0;
  end = 0;
  readonly #read: Read;

  constructor(read: Read, size: number) {
    this.bytes = new Uint8Array(size);
    this.#read = read;
  }

  /** Whether `count` bytes are there, after reading as much as that takes. At most the size of the window. */
  need(count: number): boolean {
    if (this.end - this.at >= count) return true;
    if (this.at === this.end) {
      this.at = 0;
      this.end = 0;
    } else if (this.bytes.length - this.at < count) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    while (this.end - this.at < count) {
      const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
      const got = this.#read(room);
      if (got === 0) return false;
      this.end += got;
    }
    return true;
  }

  /** Passes over bytes; how many there were. */
  skip(count: number): number {
    let left = count;
    while (left > 0 && this.need(1)) {
      const step = Math.min(left, this.end - this.at);
      this.at += step;
      left -= step;
    }
    return count - left;
  }

  /** A copy of the next bytes; undefined where there are less. */
  copy(count: number): Uint8Array | undefined {
    const copy = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (!this.need(1)) return undefined;
      const step = Math.min(count - filled, this.end - this.at);
      copy.set(this.bytes.subarray(this.at, this.at + step), filled);
      this.at += step;
      filled += step;
    }
    return copy;
  }
}
