import { door } from './door.ts';

/** Room for the gzip member of `length` bytes, however little they can be compressed. */
export function gzipRoom(length: number): number {
  return length + (length >> 10) + 64;
}

/** Writes `input` into `output` as one gzip member and returns its size; members in a row are a gzip file. RFC 1952. */
export function gzip(input: Uint8Array, output: Uint8Array, level: number): number {
  const size = door.gzip(level, input, output);
  if (size === 0) throw new RangeError(`no room or memory to compress ${input.length} bytes`);
  return size;
}
