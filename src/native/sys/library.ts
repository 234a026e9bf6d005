import { addressOf, textOf } from './bytes.ts';
import { door } from './door.ts';
import { layout } from './layout.ts';

// Functions of the libraries in the binary, called as system calls are: structures are packed here, and lengths are the
// caller's to check.

/** zlib.h. */
export const zStream = layout('z_stream', {
  next_in: 'u64',
  avail_in: 'u32',
  total_in: 'u64',
  next_out: 'u64',
  avail_out: 'u32',
  total_out: 'u64',
  msg: 'u64',
  state: 'u64',
  zalloc: 'u64',
  zfree: 'u64',
  opaque: 'u64',
  data_type: 's32',
  adler: 'u64',
  reserved: 'u64',
});
export const Z_OK = 0;
export const Z_STREAM_END = 1;
export const Z_BUF_ERROR = -5;
const Z_NO_FLUSH = 0;
const Z_FINISH = 4;
const Z_DEFLATED = 8;
/** The largest window, and gzip's header rather than zlib's. */
const GZIP_WINDOW = 15 + 16;
const DEFAULT_MEMORY = 8;
/** Only its first character is compared. */
const ZLIB_VERSION = '1';

export const inflateInit = (stream: Uint8Array) => door.inflateInit2_(stream, GZIP_WINDOW, ZLIB_VERSION, zStream.size);
export const inflateReset = (stream: Uint8Array) => door.inflateReset(stream);
export const inflate = (stream: Uint8Array) => door.inflate(stream, Z_NO_FLUSH);
export const deflateInit = (stream: Uint8Array, level: number) =>
  door.deflateInit2_(stream, level, Z_DEFLATED, GZIP_WINDOW, DEFAULT_MEMORY, 0, ZLIB_VERSION, zStream.size) | 0;
export const deflateToEnd = (stream: Uint8Array) => door.deflate(stream, Z_FINISH);
export const deflateEnd = (stream: Uint8Array) => door.deflateEnd(stream);
export const adler32 = (start: number, address: number, length: number) => door.adler32(start, address, length);

/** zstd.h: of ZSTD_inBuffer, and of ZSTD_outBuffer with another name for the pointer. */
export const zstdBuffer = layout('ZSTD_inBuffer', { src: 'u64', size: 'u64', pos: 'u64' });
const ZSTD_reset_session_only = 1;

/** 0 where memory lacks. */
export const ZSTD_createDCtx = () => door.ZSTD_createDCtx();
export const ZSTD_DCtx_reset = (context: number) => door.ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
/** 0 at the end of a frame; an error for ZSTD_isError. */
export const ZSTD_decompressStream = (context: number, output: Uint8Array, input: Uint8Array) =>
  door.ZSTD_decompressStream(context, output, input);
export const ZSTD_isError = (result: number) => door.ZSTD_isError(result) !== 0;
export const ZSTD_getErrorName = (result: number) => textAt(door.ZSTD_getErrorName(result));

/** nettle/sha2.h; struct sha256_ctx has 112 bytes. */
export const SHA256_CONTEXT = 128;
export const SHA256_DIGEST = 32;
export const sha256Init = (context: Uint8Array) => door.nettle_sha256_init(context);
export const sha256Update = (context: Uint8Array, length: number, bytes: Uint8Array) =>
  door.nettle_sha256_update(context, length, bytes);
export const sha256Digest = (context: Uint8Array, digest: Uint8Array) =>
  door.nettle_sha256_digest(context, digest.length, digest);

/** What no buffer of ours holds: `length` bytes or, without one, those of a C string. */
export function bytesAt(address: number, length = door.strlen(address)): Uint8Array {
  const bytes = new Uint8Array(length);
  door.memmove(bytes, address, length);
  return bytes;
}

/** A C string of a library. */
export function textAt(address: number): string {
  return textOf(bytesAt(address));
}

/** A pointer to where `bytes` begin, or stand from `at` on. */
export function pointer(bytes: Uint8Array, at = 0): bigint {
  return BigInt(addressOf(bytes) + at);
}
