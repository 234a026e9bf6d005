import type { LogStream } from '../types.ts';

/** What a log's records are, worked out byte by byte and without regard to speed. */
export interface Expected {
  records: number[][];
  /** Where the first byte is that belongs to none of them. */
  rest: number;
}

export interface Given {
  format: 'cri' | 'json-file';
  piece: number;
  flush: boolean;
  time: string;
  stream: LogStream;
}

export function expectedRecords(input: Uint8Array, given: Given): Expected {
  const records: number[][] = [];
  let from = 0;
  while (from < input.length) {
    const newline = input.indexOf(0x0a, from);
    const length = (newline < 0 ? input.length : newline) - from;
    if (length > given.piece) {
      const end = endOfPiece(input, from, given);
      records.push(record(input.subarray(from, end), false, given));
      from = end;
    } else {
      if (newline < 0 && !given.flush) break;
      records.push(record(input.subarray(from, from + length), newline >= 0, given));
      from += length + (newline < 0 ? 0 : 1);
    }
  }
  return { records, rest: from };
}

function endOfPiece(input: Uint8Array, from: number, { format, piece }: Given): number {
  const end = from + piece;
  if (format === 'cri') return end;
  const isContinuation = (place: number) => ((input[place] as number) & 0xc0) === 0x80;
  return [end, end - 1, end - 2, end - 3].find((place) => !isContinuation(place)) ?? end;
}

const codes = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));

function record(bytes: Uint8Array, whole: boolean, { format, time, stream }: Given): number[] {
  if (format === 'cri') return [...codes(`${time} ${stream} ${whole ? 'F' : 'P'} `), ...bytes, 0x0a];
  const escaped = escapedBytes([...bytes, ...(whole ? [0x0a] : [])]);
  return [...codes('{"log":"'), ...escaped, ...codes(`","stream":"${stream}","time":"${time}"}\n`)];
}

function escapedBytes(bytes: readonly number[]): number[] {
  const text: number[] = [];
  const put = (letters: string) => text.push(...Array.from(letters, (letter) => letter.charCodeAt(0)));
  for (let at = 0; at < bytes.length; ) {
    const { point, size } = decode(bytes, at);
    if (point === undefined) put('\\ufffd');
    else if (point === 0x0a) put('\\n');
    else if (point === 0x0d) put('\\r');
    else if (point === 0x22 || point === 0x5c) put(`\\${String.fromCharCode(point)}`);
    else if (point < 0x20 || [0x3c, 0x3e, 0x26, 0x2028, 0x2029].includes(point))
      put(`\\u${point.toString(16).padStart(4, '0')}`);
    else text.push(...bytes.slice(at, at + size));
    at += size;
  }
  return text;
}

/** The code point at a place; undefined and one byte where no valid UTF-8 begins. */
function decode(bytes: readonly number[], at: number): { point: number | undefined; size: number } {
  const first = bytes[at] as number;
  if (first < 0x80) return { point: first, size: 1 };
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const wrong = { point: undefined, size: 1 };
  if (first < 0xc0 || first >= 0xf8 || at + size > bytes.length) return wrong;
  let point = first & (0xff >> (size + 1));
  for (const byte of bytes.slice(at + 1, at + size)) {
    if ((byte & 0xc0) !== 0x80) return wrong;
    point = point * 64 + (byte & 0x3f);
  }
  const least = [0, 0, 0x80, 0x800, 0x10000][size] as number;
  return point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? wrong : { point, size };
}
