import { door } from './door.ts';

/** The fields of `struct piece` in host/decompress.c. */
const at = { from: 0, to: 1, room: 2, begins: 3, consumed: 4, produced: 5, ended: 6 } as const;

const INPUT_BYTES = 1 << 17;
/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = 0x1f;

/** A stream that is compressed with gzip or zstd, as it was before. One at a time in a process: the host has its state. */
export class Decompressor {
  readonly #read: (into: Uint8Array) => number;
  readonly #fail: (problem: string) => Error;
  readonly #isZstd: boolean;
  readonly #piece = new Uint32Array(7);
  readonly #input = new Uint8Array(INPUT_BYTES);
  /** There is more of what was consumed than had room. */
  #holdsBack = false;
  /** Whether anything has come of the gzip member or zstd frame that is not at its end. */
  #inside = false;
  #members = 0;
  #atEnd = false;

  /** `read` answers 0 at the end of what is compressed; `fail` makes the error for what is wrong with it. */
  constructor(
    compression: 'gzip' | 'zstd',
    { read, fail }: { read: (into: Uint8Array) => number; fail: (problem: string) => Error },
  ) {
    this.#isZstd = compression === 'zstd';
    this.#read = read;
    this.#fail = fail;
    this.#piece[at.begins] = 1;
  }

  /** Some bytes; how many, 0 at the end. */
  read(into: Uint8Array): number {
    const piece = this.#piece;
    while (!this.#atEnd) {
      if (piece[at.from] === piece[at.to] && !this.#holdsBack && !this.#more()) break;
      if (!this.#inside && this.#isGarbage()) continue;
      this.#inside = true;
      piece[at.room] = into.length;
      const wrong = door.decompress(this.#isZstd, piece, this.#input, into);
      if (wrong !== undefined) throw this.#fail(wrong);
      const produced = piece[at.produced] as number;
      piece[at.from] = (piece[at.from] as number) + (piece[at.consumed] as number);
      const ended = piece[at.ended] === 1;
      if (ended) this.#members++;
      piece[at.begins] = ended ? 1 : 0;
      this.#inside = !ended;
      this.#holdsBack = !ended && produced === into.length;
      if (produced > 0) return produced;
    }
    return 0;
  }

  /** Whether there is more to read. */
  #more(): boolean {
    const count = this.#read(this.#input);
    this.#piece[at.from] = 0;
    this.#piece[at.to] = count;
    if (count > 0) return true;
    if (this.#inside || this.#members === 0) throw this.#fail('unexpected end');
    this.#atEnd = true;
    return false;
  }

  /** What stands behind a gzip member and is none is passed over, as gzip(1) does: some writers fill up a block. */
  #isGarbage(): boolean {
    const { from = 0, to = 0 } = { from: this.#piece[at.from], to: this.#piece[at.to] };
    if (this.#isZstd || this.#members === 0 || from === to || this.#input[from] === GZIP_MAGIC) return false;
    this.#piece[at.from] = to;
    while (this.#read(this.#input) > 0);
    this.#atEnd = true;
    return true;
  }
}
