// The C functions that TypeScript may call by name: header to names. `narrow` ones return an int, of which the upper half of
// a register may hold anything; in C, names may have a prefix. src/native/sys/door.ts names them for TypeScript.
export const functions = [
  { header: 'zlib.h', narrow: true, names: ['inflateInit2_', 'inflateReset', 'inflate'] },
  { header: 'zlib.h', narrow: true, names: ['deflateInit2_', 'deflate', 'deflateEnd'] },
  { header: 'zlib.h', narrow: false, names: ['adler32'] },
  {
    header: 'zstd.h',
    narrow: false,
    names: ['ZSTD_createDCtx', 'ZSTD_DCtx_reset', 'ZSTD_decompressStream', 'ZSTD_getErrorName'],
  },
  { header: 'zstd.h', narrow: true, names: ['ZSTD_isError'] },
  {
    header: 'nettle/sha2.h',
    narrow: false,
    names: ['nettle_sha256_init', 'nettle_sha256_update', 'nettle_sha256_digest'],
  },
  { header: 'string.h', narrow: false, names: ['strlen', 'memmove', 'memmem'] },
  { header: 'string.h', narrow: true, names: ['memcmp'] },
  { header: 'quickjs/quickjs.h', narrow: false, names: ['JS_GetRuntime'] },
  { header: 'quickjs/quickjs.h', narrow: true, names: ['JS_ExecutePendingJob'] },
  { header: 'host.h', narrow: false, prefix: 'door_', names: ['syscall', 'fork', 'become', 'replace'] },
];
