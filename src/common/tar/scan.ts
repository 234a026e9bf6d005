import { BLOCK, at as field } from './format.ts';
import { headerNumber } from './numbers.ts';

const SPACE = 0x20;
const CHECKSUM_LENGTH = 8;

/** Where `Scan` leaves what. */
export const scanned = { sum: 0, mode: 1, uid: 2, gid: 3, size: 4, mtime: 5, checksum: 6 } as const;

/**
 * Reads the header at `at`: the sum of its bytes, those of the checksum taken as spaces, and numbers that are plain octal;
 * NaN for those in another form. The static binary has it in its host.
 */
export type Scan = (bytes: Uint8Array, at: number, out: Float64Array) => void;

export const plainScan: Scan = (bytes, at, out) => {
  let sum = SPACE * CHECKSUM_LENGTH;
  for (let place = 0; place < BLOCK; place++) if (!inChecksum(place)) sum += bytes[at + place] as number;
  out[scanned.sum] = sum;
  out[scanned.mode] = octal(bytes, at + field.mode, 8);
  out[scanned.uid] = octal(bytes, at + field.uid, 8);
  out[scanned.gid] = octal(bytes, at + field.gid, 8);
  out[scanned.size] = octal(bytes, at + field.size, 12);
  out[scanned.mtime] = octal(bytes, at + field.mtime, 12);
  out[scanned.checksum] = octal(bytes, at + field.checksum, CHECKSUM_LENGTH);
};

/** The same sum with bytes as signed numbers, which some old writers took. */
export function signedChecksum(bytes: Uint8Array, at: number): number {
  let sum = SPACE * CHECKSUM_LENGTH;
  for (let place = 0; place < BLOCK; place++)
    if (!inChecksum(place)) sum += ((bytes[at + place] as number) << 24) >> 24;
  return sum;
}

function inChecksum(place: number): boolean {
  return place >= field.checksum && place < field.checksum + CHECKSUM_LENGTH;
}

function octal(bytes: Uint8Array, start: number, length: number): number {
  return (bytes[start] as number) & 0x80 ? Number.NaN : headerNumber(bytes, start, length);
}
