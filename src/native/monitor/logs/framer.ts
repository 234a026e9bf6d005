import { joinBytes, textOf, utf8 } from '#sys/bytes.ts';
import { isExactly } from './escape.ts';
import type { Format } from './format.ts';
import type { LogStream } from './types.ts';

/** What Docker and containerd part lines into. */
export const PIECE = 16384;

/** How many bytes become records at once, so that these are not too many at any time. A longer line is framed by itself. */
const LEAST_SLICE = 1024;
const MOST_SLICE = PIECE;
const MOST_RECORDS = 131_072;

const NEWLINE = 0x0a;

/** What records are made of. */
export interface Framing {
  from: number;
  to: number;
  /** Bytes that the records may have. */
  room: number;
  /** Whether what is left without a newline is a piece now, and does not wait for its end. */
  flush: boolean;
  time: string;
  stream: LogStream;
}

/**
 * Turns output into records of a log. Many lines of text at once, for a step of ours takes as long as a line may; bytes
 * that are no text one by one.
 */
export class Framer {
  readonly #format: Format;
  #slice = LEAST_SLICE;
  /** How many bytes the last records were made of. */
  consumed = 0;
  /** Whether there was no room for the record behind them. */
  full = false;

  constructor(format: Format) {
    this.#format = format;
  }

  /** Some records, of lines from `from` on; none where nothing is left but the beginning of a line, or there is no room. */
  frame(bytes: Uint8Array, framing: Framing): Uint8Array {
    const { from, to, room, time, stream } = framing;
    const slice = bytes.subarray(from, Math.min(to, from + this.#slice));
    const length = slice.lastIndexOf(NEWLINE) + 1;
    if (length === 0) return this.#oneByOne(bytes, framing, Math.min(from + 1, to));
    const lines = bytes.subarray(from, from + length - 1);
    const text = textOf(lines);
    const written = this.#format.lines(text, { time, stream, ascii: text.length === lines.length });
    const records = utf8(written);
    if (records.length !== written.length && !isExactly(text, lines))
      return this.#oneByOne(bytes, framing, from + length);
    if (records.length > MOST_RECORDS) this.#slice = Math.max(this.#slice / 2, LEAST_SLICE);
    else if (records.length < MOST_RECORDS / 4) this.#slice = Math.min(this.#slice * 2, MOST_SLICE);
    if (records.length > room) return this.#oneByOne(bytes, framing, from + length);
    this.consumed = length;
    this.full = false;
    return records;
  }

  /** Records that begin before `end`. */
  #oneByOne(bytes: Uint8Array, { from, to, room, flush, time, stream }: Framing, end: number): Uint8Array {
    const records: Uint8Array[] = [];
    let size = 0;
    let at = from;
    this.full = false;
    while (at < end) {
      const newline = bytes.subarray(at, Math.min(to, at + PIECE + 1)).indexOf(NEWLINE);
      const whole = newline >= 0;
      const goesOn = to - at > PIECE;
      if (!whole && !goesOn && !flush) break;
      const length = whole ? newline : goesOn ? this.#format.pieceOf(bytes, at, at + PIECE) : to - at;
      const record = this.#format.record(bytes.subarray(at, at + length), { whole, time, stream });
      size += record.length;
      this.full = size > room;
      if (this.full) break;
      records.push(record);
      at += whole ? length + 1 : length;
    }
    this.consumed = at - from;
    return joinBytes(...records);
  }
}
