/** What an argument of a system call may be. Typed arrays are passed as the address of their first byte. */
export type SyscallArgument = number | bigint | string | Uint8Array | BigUint64Array | null;

/** What the C host offers (host/host.c). Nothing outside `sys/` uses it. */
export interface Door {
  /** The result or `-errno`. Refuses undefined, fractions, numbers beyond 2^53 and strings that hold NUL. */
  syscall(number: number, ...rest: SyscallArgument[]): number;
  /** As `syscall`, for the calls that copy the process: the child gets all of our memory at once. host/arena.c. */
  fork(number: number, ...rest: SyscallArgument[]): number;
  /**
   * clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_PIDFD: the child runs `body`, which may not return, in our memory, while
   * we stand still until it executes a program or ends. Then our memory is as it was, and `args.pidfd` the descriptor.
   */
  lend(body: () => never, args: Uint8Array): number;
  /**
   * What a C function of a library in the binary returns; of one that returns nothing, something. Arguments are as for
   * `syscall`, up to eight; the functions are listed in host/host.c. library.ts gives them types.
   */
  library(name: string, ...rest: SyscallArgument[]): number;
  /** Where the first byte is, for pointers inside structures. The caller keeps the buffer reachable. */
  address(buffer: Uint8Array | BigUint64Array): number;
  decode(buffer: Uint8Array, length?: number): string;
  encode(text: string): ArrayBuffer;
  /** The exports of a module of this binary. A second call would evaluate it anew: go through lazy.ts. */
  load(name: string): unknown;
  /** Bytes of bytecode read so far. */
  loaded(): number;
  /** Runs promise jobs until none is left. */
  drain(): void;
  /** Turns lines into log records: framing.ts, host/framing.c. */
  frame(job: Uint32Array, input: Uint8Array, output: Uint8Array, dressing: Uint8Array): void;
  /** Lets those forked from now on have in common, once they trim, what they do not change; false where that cannot be. */
  share(): boolean;
  /** Makes stack present that will be needed, before anybody waits. */
  deepen(): void;
  /** Gives the kernel memory that holds nothing. */
  trim(): void;
  /** What the host calls when the program's module has been evaluated: its exit status. */
  main?: () => number;
  readonly argv: ArrayBuffer[];
  readonly environ: ArrayBuffer[];
}

export let door: Door = (globalThis as unknown as { host: Door }).host;

/** Puts another door in place: a fake kernel in tests, a recorder for `--explain`. Returns the one before. */
export function useDoor(next: Door): Door {
  const previous = door;
  door = next;
  return previous;
}
