import type { Segment } from './entry.ts';
import { decimal, headerNumber } from './numbers.ts';

/** More would be a bomb: each costs memory here and a call when it is written. */
export const MAXIMUM_SEGMENTS = 1_000_000;

const PAIR = 24;
const NUMBER = 12;

/** Appends the pairs of offset and length in a block of GNU's old format: those of a header, or of one of its extensions. */
export function oldSegments(block: Uint8Array, at: number, count: number, into: Segment[]): void {
  for (let pair = 0; pair < count; pair++, at += PAIR) {
    if (block[at] === 0) return;
    into.push({ offset: headerNumber(block, at, NUMBER), length: headerNumber(block, at + NUMBER, NUMBER) });
  }
}

/** The map of formats 0.0 (one record for each number) and 0.1 (all in one), whose numbers are given in a row. */
export function segmentsOf(numbers: readonly number[]): Segment[] | undefined {
  if (numbers.length % 2 !== 0) return undefined;
  const segments: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2)
    segments.push({ offset: numbers[at] as number, length: numbers[at + 1] as number });
  return segments;
}

/** Numbers parted by commas. */
export function commaNumbers(value: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < value.length && numbers.length <= 2 * MAXIMUM_SEGMENTS; ) {
    const comma = value.indexOf(0x2c, at);
    const end = comma < 0 ? value.length : comma;
    numbers.push(decimal(value, at, end));
    at = end + 1;
  }
  return numbers;
}

/** What is wrong with a map as text; undefined when it fits the sizes and goes forward. */
export function wrongSegments(segments: readonly Segment[], size: number, realSize: number): string | undefined {
  let end = 0;
  let total = 0;
  for (const { offset, length } of segments) {
    if (!(offset >= 0 && length >= 0)) return 'a number is wrong';
    if (offset < end) return 'segments overlap or go backwards';
    end = offset + length;
    total += length;
    if (end > realSize) return 'a segment lies behind the end of the file';
  }
  return total === size ? undefined : `segments hold ${total} bytes, the archive has ${size}`;
}
