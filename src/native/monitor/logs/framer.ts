import { joinBytes, utf8 } from '#sys/bytes.ts';
import type { Dressing, Format } from './format.ts';
import type { LogStream } from './types.ts';

/** What Docker and containerd part lines into. */
export const PIECE = 16384;

/** Room for records that are made at once: little for a container that says little. As large as blocks of the host are. */
const LEAST_ROOM = 4080;
const MOST_ROOM = 131_056;
/** At most so many bytes of a content stand for one. */
const LONGEST_WORD = 6;

const MOST_SLICE = 65_536;
const NEWLINE = 0x0a;

/** What records are made of. */
export interface Framing {
  from: number;
  to: number;
  /** Bytes that the records may have. */
  room: number;
  /** Whether what is left without a newline is a piece now, and does not wait for its end. */
  flush: boolean;
}

/** Turns output into records of a log: many lines at once, for one step of ours takes as long as a line may take. */
export class Framer {
  readonly #format: Format;
  #dressing: { [part in keyof Dressing]: Uint8Array };
  #output = new Uint8Array(LEAST_ROOM);
  /** How many bytes are tried at once. */
  #slice = MOST_SLICE;
  /** How many bytes the last records were made of. */
  consumed = 0;
  /** Whether there was no room for the record behind them. */
  full = false;

  constructor(format: Format) {
    this.#format = format;
    this.#dressing = dressed({ before: '', after: '', pieceBefore: '', pieceAfter: '' });
  }

  /** What the records bear that are made from now on. */
  mark(time: string, stream: LogStream): void {
    this.#dressing = dressed(this.#format.dress(time, stream));
    this.#format.replacements.set(NEWLINE, joinBytes(this.#dressing.after, this.#dressing.before));
  }

  /**
   * Some records, of lines from `from` on; none where nothing is left but the beginning of a line, or there is no room. They
   * are there until the next call.
   */
  frame(bytes: Uint8Array, framing: Framing): Uint8Array {
    const { from, to, room } = framing;
    for (;;) {
      const length = this.#lines(bytes, from, to);
      if (length === 0) {
        if (to - from > this.#slice) this.#slice = Math.min(this.#slice * 2, MOST_SLICE);
        return this.#oneByOne(bytes, framing, Math.min(from + 1, to));
      }
      const records = this.#manyAtOnce(bytes.subarray(from, from + length - 1));
      if (records && records.length > room) return this.#oneByOne(bytes, framing, from + length);
      if (records) {
        if (records.length < MOST_ROOM / 4) this.#slice = Math.min(this.#slice * 2, MOST_SLICE);
        this.consumed = length;
        this.full = false;
        return records;
      }
      if (this.#output.length < MOST_ROOM) this.#output = new Uint8Array(Math.min(this.#output.length * 8, MOST_ROOM));
      else this.#slice /= 2;
    }
  }

  /** The size of lines from `from` on that are tried at once. None of them is longer than a piece. */
  #lines(bytes: Uint8Array, from: number, to: number): number {
    const limit = Math.min(to, from + this.#slice);
    let end = from;
    for (let next = 1; next > 0 && end < limit; end += next)
      next = bytes.subarray(end, Math.min(limit, end + PIECE)).lastIndexOf(NEWLINE) + 1;
    return end - from;
  }

  /** The record of one line, or of a piece. */
  record(content: Uint8Array, whole: boolean): Uint8Array {
    const { before, after, pieceBefore, pieceAfter } = this.#dressing;
    const { replacements } = this.#format;
    const output = new Uint8Array(content.length * LONGEST_WORD);
    const replaced = this.#format.finish(output.subarray(0, replacements.apply(content, output)));
    return joinBytes(whole ? before : pieceBefore, replaced, whole ? after : pieceAfter);
  }

  /** Records in the output, or undefined where they have no room there. */
  #manyAtOnce(lines: Uint8Array): Uint8Array | undefined {
    const { before, after } = this.#dressing;
    const output = this.#output;
    output.set(before);
    const room = output.subarray(before.length, output.length - after.length);
    const replaced = this.#format.replacements.apply(lines, room);
    if (replaced < 0) return undefined;
    output.set(after, before.length + replaced);
    return this.#format.finish(output.subarray(0, before.length + replaced + after.length));
  }

  /** Records that begin before `end`. */
  #oneByOne(bytes: Uint8Array, { from, to, room, flush }: Framing, end: number): Uint8Array {
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
      const record = this.record(bytes.subarray(at, at + length), whole);
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

function dressed(parts: Dressing): { [part in keyof Dressing]: Uint8Array } {
  return {
    before: utf8(parts.before),
    after: utf8(parts.after),
    pieceBefore: utf8(parts.pieceBefore),
    pieceAfter: utf8(parts.pieceAfter),
  };
}
