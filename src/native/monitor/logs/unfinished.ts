/** The beginning of a line whose end has not come yet: at most `limit` bytes of one stream. */
export class UnfinishedLine {
  bytes = new Uint8Array(0);
  length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds bytes up to the end of the line, as far as there is room; how many. */
  fill(bytes: Uint8Array, from: number, to: number): number {
    const newline = bytes.indexOf(0x0a, from);
    const end = newline < 0 || newline >= to ? to : newline + 1;
    const count = Math.min(end - from, this.#limit - this.length);
    this.#reserve(this.length + count);
    this.bytes.set(bytes.subarray(from, from + count), this.length);
    this.length += count;
    return count;
  }

  /** Takes the first `count` bytes away. */
  drop(count: number): void {
    this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.min(Math.max(size, this.bytes.length * 2, 256), this.#limit));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
