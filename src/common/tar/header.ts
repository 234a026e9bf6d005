import { BLOCK, at as field } from './format.ts';

const SPACE = 0x20;
const CHECKSUM_LENGTH = 8;
const behindChecksum = field.checksum + CHECKSUM_LENGTH;

/** Loops over the bytes of a header, which take long in an interpreter. */
export interface HeaderBytes {
  /** The sum of the bytes from `from` to `to`, of which there are at most 256. */
  sum(bytes: Uint8Array, from: number, to: number): number;
  /** The bytes from `from` to `to` as text, if they are ASCII; something else if they are not. */
  text(bytes: Uint8Array, from: number, to: number): string;
}

export const plainHeaderBytes: HeaderBytes = {
  sum: (bytes, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) sum += bytes[at] as number;
    return sum;
  },
  text: (bytes, from, to) => {
    let text = '';
    for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] as number);
    return text;
  },
};

/** The checksum of the header at `at`: its bytes, those of the checksum itself taken as spaces. */
export function checksumOf(
  bytes: Uint8Array,
  at: number,
  { sum }: Pick<HeaderBytes, 'sum'> = plainHeaderBytes,
): number {
  return (
    sum(bytes, at, at + field.checksum) +
    SPACE * CHECKSUM_LENGTH +
    sum(bytes, at + behindChecksum, at + BLOCK / 2) +
    sum(bytes, at + BLOCK / 2, at + BLOCK)
  );
}

/** The same with bytes as signed numbers, which some old writers took. */
export function signedChecksum(bytes: Uint8Array, at: number): number {
  return checksumOf(bytes, at, {
    sum: (_, from, to) => {
      let sum = 0;
      for (let place = from; place < to; place++) sum += ((bytes[place] as number) << 24) >> 24;
      return sum;
    },
  });
}

/** Places in what `usualNumbers` answers. */
export const usual = { mode: 1, uid: 2, gid: 3, size: 4, mtime: 5, checksum: 6 } as const;

const id = '([0-7]{7})[ \\0]';
const long = '([0-7]{11})[ \\0]';
const usualForm = new RegExp(`^${id}${id}${id}${long}${long}([0-7]{6})\\0 `);

/** The octal digits of the fields from mode to checksum, as GNU tar and Go have them; null for other forms. */
export function usualNumbers(bytes: Uint8Array, at: number, { text }: HeaderBytes): RegExpExecArray | null {
  return usualForm.exec(text(bytes, at + field.mode, at + behindChecksum));
}
