import { door } from './door.ts';

/** What stands around the content of a record; `bytes` holds the four parts one after the other. */
export interface Dressing {
  bytes: Uint8Array;
  /** Lengths of what stands before and after a whole line, and before a piece of one; the rest stands after a piece. */
  wholeBefore: number;
  wholeAfter: number;
  pieceBefore: number;
}

export interface FramerOptions {
  /** A line of more bytes is parted into pieces. At least 4. */
  pieceBytes: number;
  /** Whether contents are escaped as Docker escapes a JSON string, and no UTF-8 sequence is parted. */
  escaped: boolean;
}

// Places in the job: the fields of the structure in host/framing.c.
const FROM = 0;
const TO = 1;
const AT = 2;
const ROOM = 3;
const PIECE = 4;
const BEFORE = 5;
const AFTER = 6;
const PIECE_BEFORE = 7;
const ESCAPE = 8;
const FLUSH = 9;
const CONSUMED = 10;
const PRODUCED = 11;
const FULL = 12;

/** Turns lines into log records; the loops over bytes are the host's. */
export class Framer {
  readonly #job = new Uint32Array(FULL + 1);

  constructor({ pieceBytes, escaped }: FramerOptions) {
    this.#job[PIECE] = pieceBytes;
    this.#job[ESCAPE] = escaped ? 1 : 0;
  }

  dress({ wholeBefore, wholeAfter, pieceBefore }: Dressing): void {
    this.#job[BEFORE] = wholeBefore;
    this.#job[AFTER] = wholeAfter;
    this.#job[PIECE_BEFORE] = pieceBefore;
  }

  /**
   * Writes records of the bytes `from` to `to` of `input` between `at` and `room` of `output`, until one does not fit.
   * Bytes after the last newline wait for a later call, unless they are more than a piece, or `flush` is set.
   */
  frame(
    input: Uint8Array,
    output: Uint8Array,
    dressing: Uint8Array,
    { from, to, at, room, flush }: { from: number; to: number; at: number; room: number; flush: boolean },
  ): void {
    const job = this.#job;
    job[FROM] = from;
    job[TO] = to;
    job[AT] = at;
    job[ROOM] = room;
    job[FLUSH] = flush ? 1 : 0;
    door.frame(job, input, output, dressing);
  }

  /** How many bytes of the input have become records. */
  get consumed(): number {
    return this.#job[CONSUMED] as number;
  }

  /** Where the records end in the output. */
  get produced(): number {
    return this.#job[PRODUCED] as number;
  }

  /** Whether the next record did not fit. */
  get full(): boolean {
    return this.#job[FULL] !== 0;
  }
}
