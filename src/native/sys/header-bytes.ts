import type { HeaderBytes } from '#common/tar/header.ts';
import { addressOf, textOf } from './bytes.ts';
import { adler32 } from './library.ts';

/** As `plainHeaderBytes`, by a library: the lower half of Adler-32 is the sum of all bytes and 1, modulo 65521. */
export const headerBytes: HeaderBytes = {
  sum: (bytes, from, to) => (adler32(1, addressOf(bytes) + from, to - from) & 0xffff) - 1,
  text: (bytes, from, to) => textOf(bytes.subarray(from, to)),
};
