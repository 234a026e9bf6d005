import type { Region } from './architectures.ts';
import { type Cells, UNNAMED } from './placement.ts';

/** Runs of neighbouring numbers that share a fate: where each begins, ascending, and its position in `fates`. */
export interface Segments {
  readonly starts: number[];
  readonly fates: number[];
}

/**
 * Cuts the numbers of one architecture into segments. A region's numbers after the last that the profile names get
 * `newer`; a region of which it names none, and numbers before the first region, continue with what came before, which is
 * `before` at first.
 */
export function cut(cells: Cells, regions: readonly Region[], newer: number, before: number = UNNAMED): Segments {
  // Slot 0, where unknown names went, stands for number -1 here. As the first segment's start it is never compared with.
  cells[0] = cells[1] as number;
  const segments = { starts: [-1], fates: [before] };
  const { starts, fates } = segments;
  const words = new Int32Array(cells.buffer);
  const cellsPerWord = 4 / cells.BYTES_PER_ELEMENT;
  const shiftToWords = cellsPerWord >> 1;
  for (const { firstSlot, endSlot, shift } of regions) {
    let end = endSlot;
    // Most of a short profile's cells are empty.
    while (end > firstSlot && words[(end - 1) >> shiftToWords] === 0) end -= cellsPerWord;
    while (end > firstSlot && cells[end - 1] === UNNAMED) end--;
    if (end === firstSlot) continue;
    if (cells instanceof Uint8Array) cutBytes(segments, cells, firstSlot, end, shift);
    else cutWide(segments, cells, firstSlot, end, shift);
    // The last cells looked at may have shown the first unnamed number already.
    const count = starts[starts.length - 1] === end + shift ? starts.length - 1 : starts.length;
    starts[count] = end + shift;
    fates[count] = newer;
  }
  if (starts[1] === -1) {
    starts.shift();
    fates.shift();
  }
  return segments;
}

/**
 * Compares four cells with their left neighbours at once: `changed` has a byte that is not zero where a segment begins.
 * Fates are below 0x80, so that words are small integers to the interpreter.
 */
function cutBytes({ starts, fates }: Segments, cells: Uint8Array, first: number, end: number, shift: number): void {
  const words = new Int32Array(cells.buffer);
  let count = starts.length;
  let last = fates[count - 1] as number;
  for (let slot = first; slot < end; slot += 4) {
    const word = words[slot >> 2] as number;
    const changed = word ^ ((word << 8) | last);
    if (changed === 0) continue;
    if (changed & 0xff) {
      starts[count] = slot + shift;
      fates[count++] = word & 0xff;
    }
    if (changed & 0xff00) {
      starts[count] = slot + shift + 1;
      fates[count++] = (word >> 8) & 0xff;
    }
    if (changed & 0xff0000) {
      starts[count] = slot + shift + 2;
      fates[count++] = (word >> 16) & 0xff;
    }
    last = word >> 24;
    if (changed >> 24) {
      starts[count] = slot + shift + 3;
      fates[count++] = last;
    }
  }
}

function cutWide({ starts, fates }: Segments, cells: Cells, first: number, end: number, shift: number): void {
  for (let slot = first; slot < end; slot++)
    if (cells[slot] !== fates[fates.length - 1]) {
      starts.push(slot + shift);
      fates.push(cells[slot] as number);
    }
}
