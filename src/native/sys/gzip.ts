import { deflateEnd, deflateInit, deflateToEnd, pointer, Z_OK, Z_STREAM_END, zStream } from './library.ts';

/** Room for the gzip member of `length` bytes, however little they can be compressed. */
export function gzipRoom(length: number): number {
  return length + (length >> 10) + 64;
}

/** Writes `input` into `output` as one gzip member and returns its size; members in a row are a gzip file. RFC 1952. */
export function gzip(input: Uint8Array, output: Uint8Array, level: number): number {
  const stream = zStream.pack({
    next_in: pointer(input),
    avail_in: input.length,
    next_out: pointer(output),
    avail_out: output.length,
  });
  if (deflateInit(stream, level) !== Z_OK) throw new Error(`not enough memory to compress ${input.length} bytes`);
  const result = deflateToEnd(stream);
  deflateEnd(stream);
  if (result !== Z_STREAM_END) throw new RangeError(`no room to compress ${input.length} bytes`);
  return zStream.get(stream, 'total_out');
}
