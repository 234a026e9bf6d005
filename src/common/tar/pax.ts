import { decimal } from './numbers.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;

export interface PaxRecord {
  /** The keyword, a byte for each character. */
  key: string;
  /** Empty: the keyword is as if it had not been given. */
  value: Uint8Array;
}

/**
 * The records of an extended header, `LENGTH KEY=VALUE\n` each, in their order, which the sparse formats need. Returns
 * what is wrong as text. Source: POSIX pax(1), "pax Extended Header".
 */
export function paxRecords(data: Uint8Array): PaxRecord[] | string {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(SPACE, at);
    const length = space < 0 ? Number.NaN : decimal(data, at, space);
    // Some writers fill up with NULs.
    if (data[at] === 0) return data.subarray(at).every((byte) => byte === 0) ? records : 'a record has no length';
    if (!(length > 0)) return 'a record has no length';
    const end = at + length;
    if (end > data.length) return 'a record is longer than its header';
    if (data[end - 1] !== NEWLINE) return 'a record does not end with a newline';
    const equals = data.indexOf(EQUALS, space + 1);
    if (equals < 0 || equals >= end - 1) return 'a record has no "="';
    if (equals === space + 1) return 'a record has no keyword';
    records.push({ key: latin(data, space + 1, equals), value: data.slice(equals + 1, end - 1) });
    at = end;
  }
  return records;
}

function latin(data: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(data[at] as number);
  return text;
}
