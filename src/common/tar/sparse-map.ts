// The maps of sparse files where an archive has them: GNU's old format in headers, versions 0.0 and 0.1 in pax records,
// version 1.0 before the data. GNU tar manual, "Storing Sparse Files".
import type { Entry, Segment } from './entry.ts';
import type { TarError } from './error.ts';
import type { Sparse } from './extended.ts';
import { BLOCK, at as field } from './format.ts';
import { decimal } from './numbers.ts';
import { MAXIMUM_SEGMENTS, oldSegments, segmentsOf, wrongSegments } from './sparse.ts';
import type { Window } from './window.ts';

/** What the archive says when something is wrong with it. */
export interface Faults {
  cut(how: string): TarError;
  wrong(problem: string, field?: string, kind?: 'invalid' | 'exhausted'): TarError;
}

const FIELD = 'sparse map';
/** Pairs in a header, in a block that continues it, and where that says whether another follows. */
const [IN_HEADER, IN_BLOCK, CONTINUES] = [4, 21, 504];

/** Takes the map of the header that begins at `at`, and of the blocks that continue it. */
export function takeOldMap(entry: Entry, window: Window, at: number, faults: Faults): void {
  const segments: Segment[] = [];
  oldSegments(window.bytes, at + field.gnuSparse, IN_HEADER, segments);
  let more = window.bytes[at + field.gnuIsExtended] !== 0;
  while (more) {
    if (!window.need(BLOCK)) throw faults.cut('it ends inside a sparse map');
    if (segments.length > MAXIMUM_SEGMENTS) throw faults.wrong('too many segments', FIELD, 'exhausted');
    oldSegments(window.bytes, window.at, IN_BLOCK, segments);
    more = window.bytes[window.at + CONTINUES] !== 0;
    window.at += BLOCK;
  }
  setSegments(entry, segments, faults);
}

/** Takes the map that pax records hold or announce. What it takes of the data is not the entry's any more. */
export function takePaxMap(entry: Entry, sparse: Sparse, window: Window, faults: Faults): void {
  if (sparse.realSize === undefined) throw faults.wrong('missing', 'GNU.sparse.size');
  entry.realSize = sparse.realSize;
  const map = sparse.mapInData ? takeNumbers(entry, window, faults) : sparse.numbers;
  if (map.length > 2 * MAXIMUM_SEGMENTS) throw faults.wrong('too many segments', FIELD, 'exhausted');
  setSegments(entry, segmentsOf(map), faults);
}

/** How many segments, then offset and length of each, every number on a line, filled up to a block. */
function takeNumbers(entry: Entry, window: Window, faults: Faults): number[] {
  const numbers: number[] = [];
  let count = 1;
  let line: number[] = [];
  while (numbers.length < count) {
    if (entry.size < BLOCK) throw faults.wrong('longer than the data', FIELD);
    const block = window.copy(BLOCK);
    if (!block) throw faults.cut('it ends inside a sparse map');
    entry.size -= BLOCK;
    for (let at = 0; at < BLOCK && numbers.length < count; at++) {
      if (block[at] !== 0x0a) {
        if (line.length > 20) throw faults.wrong('a number is wrong', FIELD);
        line.push(block[at] as number);
        continue;
      }
      const number = decimal(Uint8Array.from(line));
      line = [];
      if (Number.isNaN(number)) throw faults.wrong('a number is wrong', FIELD);
      if (numbers.length === 0) {
        if (number > MAXIMUM_SEGMENTS) throw faults.wrong('too many segments', FIELD, 'exhausted');
        count = 1 + 2 * number;
      }
      numbers.push(number);
    }
  }
  return numbers.slice(1);
}

function setSegments(entry: Entry, segments: Segment[] | undefined, faults: Faults): void {
  if (!segments) throw faults.wrong('an offset has no length', FIELD);
  const problem = wrongSegments(segments, entry.size, entry.realSize);
  if (problem !== undefined) throw faults.wrong(problem, FIELD);
  entry.segments = segments;
}
