import { textOf } from '#sys/bytes.ts';

const LF = 10;

/** The lines of a stream, without their ends; the last one need not have any. */
export class LineReader {
  readonly #read: () => Promise<Uint8Array | undefined>;
  #pieces: Uint8Array[] = [];
  #lines: string[] = [];
  #ended = false;

  constructor(read: () => Promise<Uint8Array | undefined>) {
    this.#read = read;
  }

  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.#ended) {
      const bytes = await this.#read();
      if (bytes) this.#push(bytes);
      else {
        this.#ended = true;
        if (this.#pieces.length > 0) this.#lines.push(this.#take(new Uint8Array(0)));
      }
    }
    return this.#lines.shift();
  }

  #push(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      this.#lines.push(this.#take(bytes.subarray(start, end)));
      start = end + 1;
    }
    if (start < bytes.length) this.#pieces.push(bytes.slice(start));
  }

  /** The line whose end these bytes are. */
  #take(end: Uint8Array): string {
    if (this.#pieces.length === 0) return textOf(end).replace(/\r$/, '');
    const all = [...this.#pieces.splice(0), end];
    const line = new Uint8Array(all.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of all) {
      line.set(piece, at);
      at += piece.length;
    }
    return textOf(line).replace(/\r$/, '');
  }
}
