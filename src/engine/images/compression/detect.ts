import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Compression } from '#common/image-spec/media-types.ts';
import { type Decompressed, decompress } from './decompress.ts';

/** As many as it takes to tell a compression. */
const MAGIC_BYTES = 4;
/** RFC 8878, section 3.1.1. */
const ZSTD_MAGIC = 0xfd2fb528;

/** By how it begins: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1. */
export function compressionOf(begins: Buffer): Compression {
  if (begins[0] === 0x1f && begins[1] === 0x8b) return 'gzip';
  return begins.length >= MAGIC_BYTES && begins.readUInt32LE(0) === ZSTD_MAGIC ? 'zstd' : 'none';
}

/** The first bytes of a file: enough for `compressionOf`. */
export async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Decompresses a stream in whichever way it is compressed, if at all. */
export async function decompressAny(input: Readable): Promise<Decompressed & { compression: Compression }> {
  const chunks: AsyncIterator<Buffer> = input[Symbol.asyncIterator]();
  let begins = Buffer.alloc(0);
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    begins = Buffer.concat([begins, next.value]);
    if (begins.length >= MAGIC_BYTES) break;
  }
  const whole = Readable.from(
    (async function* () {
      yield begins;
      yield* { [Symbol.asyncIterator]: () => chunks };
    })(),
    { objectMode: false },
  );
  const compression = compressionOf(begins);
  return { compression, ...decompress(whole, compression) };
}
