import { type Codec, Gunzip, Unzstd } from './codecs.ts';

const INPUT_BYTES = 1 << 17;
/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = 0x1f;

type Compression = 'gzip' | 'zstd';

/** Their state is allocated for the first stream of a process and kept for the next; there is one stream at a time. */
const codecs: { [compression in Compression]?: Codec } = {};

/** A stream that is compressed with gzip or zstd, as it was before. One at a time in a process. */
export class Decompressor {
  readonly #read: (into: Uint8Array) => number;
  readonly #fail: (problem: string) => Error;
  readonly #compression: Compression;
  readonly #codec: Codec;
  readonly #input = new Uint8Array(INPUT_BYTES);
  /** What of the input is not consumed yet. */
  #from = 0;
  #to = 0;
  /** There is more of what was consumed than had room. */
  #holdsBack = false;
  /** Whether anything has come of the gzip member or zstd frame that is not at its end. */
  #inside = false;
  #members = 0;
  #atEnd = false;

  /** `read` answers 0 at the end of what is compressed; `fail` makes the error for what is wrong with it. */
  constructor(
    compression: Compression,
    { read, fail }: { read: (into: Uint8Array) => number; fail: (problem: string) => Error },
  ) {
    this.#compression = compression;
    this.#codec = codecs[compression] ??= compression === 'zstd' ? new Unzstd() : new Gunzip();
    this.#read = read;
    this.#fail = fail;
  }

  /** Some bytes; how many, 0 at the end. */
  read(into: Uint8Array): number {
    const codec = this.#codec;
    while (!this.#atEnd) {
      if (this.#from === this.#to && !this.#holdsBack && !this.#more()) break;
      if (!this.#inside && this.#isGarbage()) continue;
      const wrong = (this.#inside ? undefined : codec.begin()) ?? codec.step(this.#input, this.#from, this.#to, into);
      if (wrong !== undefined) throw this.#fail(wrong);
      this.#from += codec.consumed;
      this.#inside = !codec.ended;
      if (codec.ended) this.#members++;
      this.#holdsBack = this.#inside && codec.produced === into.length;
      if (codec.produced > 0) return codec.produced;
    }
    return 0;
  }

  /** Whether there is more to read. */
  #more(): boolean {
    this.#from = 0;
    this.#to = this.#read(this.#input);
    if (this.#to > 0) return true;
    if (this.#inside || this.#members === 0) throw this.#fail('unexpected end');
    this.#atEnd = true;
    return false;
  }

  /** What stands behind a gzip member and is none is passed over, as gzip(1) does: some writers fill up a block. */
  #isGarbage(): boolean {
    if (this.#compression === 'zstd' || this.#members === 0 || this.#from === this.#to) return false;
    if (this.#input[this.#from] === GZIP_MAGIC) return false;
    this.#from = this.#to;
    while (this.#read(this.#input) > 0);
    this.#atEnd = true;
    return true;
  }
}
