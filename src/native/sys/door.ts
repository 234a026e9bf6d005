/** What an argument of a system call may be. Typed arrays are passed as the address of their first byte. */
export type SyscallArgument = number | bigint | string | Uint8Array | BigUint64Array | null;

/** The functions of libraries, and those of the host itself, that tools/functions.mjs lists. */
type LibraryFunction =
  | 'inflateInit2_'
  | 'inflateReset'
  | 'inflate'
  | 'deflateInit2_'
  | 'deflate'
  | 'deflateEnd'
  | 'adler32'
  | 'ZSTD_createDCtx'
  | 'ZSTD_DCtx_reset'
  | 'ZSTD_decompressStream'
  | 'ZSTD_isError'
  | 'ZSTD_getErrorName'
  | 'nettle_sha256_init'
  | 'nettle_sha256_update'
  | 'nettle_sha256_digest'
  | 'strlen'
  | 'memmove'
  | 'memmem'
  | 'memcmp'
  | 'JS_GetRuntime'
  | 'JS_ExecutePendingJob'
  | 'become'
  | 'replace';

/**
 * C functions by name: what they return; of one that returns nothing, something. Arguments are as for `syscall`, up to
 * eight. library.ts, memory.ts and jobs.ts know what each takes.
 */
type Library = { readonly [name in LibraryFunction]: (...rest: SyscallArgument[]) => number };

/** What the C host offers (host/host.c). Nothing outside `sys/` uses it. */
export interface Door extends Library {
  /** The result or `-errno`. Refuses undefined, fractions, numbers beyond 2^53 and strings that hold NUL. */
  syscall(number: number, ...rest: SyscallArgument[]): number;
  /**
   * As `syscall`, for the calls that copy the process: the child gets all of our memory at once. Only with room for that:
   * CopyRoom of memory.ts.
   */
  fork(number: number, ...rest: SyscallArgument[]): number;
  /**
   * clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_PIDFD: the child runs `body`, which may not return, in our memory, while
   * we stand still until it executes a program or ends. Then our memory is as it was, and `args.pidfd` the descriptor.
   */
  lend(body: () => never, args: Uint8Array): number;
  decode(buffer: Uint8Array): string;
  /** The exports of a module of this binary. A second call would evaluate it anew: go through lazy.ts. */
  load(name: string): unknown;
  /** All memory of QuickJS, and what will be such: memory.ts. */
  readonly memory: ArrayBuffer;
  /** What the host calls when the program's module has been evaluated. It ends the process; what it throws is printed. */
  main?: () => never;
}

export let door: Door = (globalThis as unknown as { host: Door }).host;

/** Puts another door in place: a fake kernel in tests, a recorder for `--explain`. Returns the one before. */
export function useDoor(next: Door): Door {
  const previous = door;
  door = next;
  return previous;
}
