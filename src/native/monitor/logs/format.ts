import { textOf, utf8 } from '#sys/bytes.ts';
import { Replacements } from '#sys/text.ts';
import type { LogStream } from './types.ts';

/** What stands around the contents of records: of a line, and of a piece of one. */
export interface Dressing {
  before: string;
  after: string;
  pieceBefore: string;
  pieceAfter: string;
}

/** What the records of a log look like. */
export interface Format {
  dress(time: string, stream: LogStream): Dressing;
  /** What stands for bytes of a content. That of a newline is the writer's to set. */
  readonly replacements: Replacements;
  /** Records once more, with what stands for longer sequences of bytes. */
  finish(records: Uint8Array): Uint8Array;
  /** How many bytes a piece has that shall have those `from` to `end`, with more behind them. */
  pieceOf(bytes: Uint8Array, from: number, end: number): number;
}

/**
 * `TIME STREAM F content`, with P in place of F for a piece of a line that goes on: the kubelet's, in design-proposals
 * "kubelet-cri-logging". All bytes stay as they are.
 */
export class CriFormat implements Format {
  readonly replacements = new Replacements(new Map());

  dress(time: string, stream: LogStream): Dressing {
    return { before: `${time} ${stream} F `, after: '\n', pieceBefore: `${time} ${stream} P `, pieceAfter: '\n' };
  }

  finish(records: Uint8Array): Uint8Array {
    return records;
  }

  pieceOf(_bytes: Uint8Array, from: number, end: number): number {
    return end - from;
  }
}

/** What U+2028 and U+2029 begin with in UTF-8, and others. */
const SEPARATOR = 0xe2;
const LONGEST_SEQUENCE = 4;

/**
 * Docker's json-file: a piece is told from a whole line by having no newline. Contents are escaped as Go's encoding/json
 * does, but for \t, which is \u0009; no UTF-8 sequence is parted.
 */
export class JsonFileFormat implements Format {
  readonly replacements = new Replacements(escapes(), '\\ufffd');

  dress(time: string, stream: LogStream): Dressing {
    const before = '{"log":"';
    const end = `","stream":"${stream}","time":"${time}"}\n`;
    return { before, after: `\\n${end}`, pieceBefore: before, pieceAfter: end };
  }

  finish(records: Uint8Array): Uint8Array {
    if (!records.includes(SEPARATOR)) return records;
    const text = textOf(records);
    if (!text.includes('\u2028') && !text.includes('\u2029')) return records;
    return utf8(text.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029'));
  }

  pieceOf(bytes: Uint8Array, from: number, end: number): number {
    const goesOn = (place: number) => ((bytes[place] ?? 0) & 0xc0) === 0x80;
    for (let back = 0; back < LONGEST_SEQUENCE; back++) if (!goesOn(end - back)) return end - back - from;
    return end - from;
  }
}

function escapes(): Map<number, string> {
  const words = new Map<number, string>();
  const codes = Array.from('<>&', (letter) => letter.charCodeAt(0));
  for (let control = 0; control < 0x20; control++) codes.push(control);
  for (const code of codes) words.set(code, `\\u${code.toString(16).padStart(4, '0')}`);
  for (const letter of '"\\') words.set(letter.charCodeAt(0), `\\${letter}`);
  words.set(0x0d, '\\r');
  return words;
}
