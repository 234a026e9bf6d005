const SPACE = 0x20;
const ZERO = 0x30;

/**
 * A number of a header: octal digits after spaces, ended by a space, NUL or the field's end; an empty field is 0. Or, for
 * what octal has no room for, GNU's and star's form: the first bit set, then a big-endian number in two's complement.
 * NaN for anything else, and beyond 2^53.
 * Sources: POSIX pax(1), "ustar Interchange Format"; GNU tar manual, "Extensions to the traditional tar format".
 */
export function headerNumber(block: Uint8Array, at: number, length: number): number {
  const end = at + length;
  if ((block[at] as number) & 0x80) return binary(block, at, end);
  while (at < end && block[at] === SPACE) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] as number) - ZERO;
    if (digit < 0 || digit > 7) {
      const byte = block[at];
      return byte === 0 || byte === SPACE ? value : Number.NaN;
    }
    value = value * 8 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN;
}

function binary(block: Uint8Array, at: number, end: number): number {
  const first = block[at] as number;
  // 0x80 is the mark; the bit after it is the sign.
  let value = first & 0x40 ? first - 0x100 : first & 0x3f;
  while (++at < end) value = value * 256 + (block[at] as number);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** A decimal number without sign, as pax records and sparse maps have it; NaN for anything else, and beyond 2^53. */
export function decimal(bytes: Uint8Array, at = 0, end = bytes.length): number {
  if (at >= end || end - at > 20) return Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN;
}
