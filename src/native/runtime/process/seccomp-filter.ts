import { addressOf } from '#sys/bytes.ts';
import { check } from '#sys/errors.ts';
import { layout } from '#sys/layout.ts';
import { seccomp } from '#sys/raw/process.ts';

const sockFprog = layout('sock_fprog', { len: 'u16', filter: 'u64' });
const INSTRUCTION_SIZE = 8;
const SECCOMP_SET_MODE_FILTER = 1;

/** Flags of seccomp(2), and an array of struct sock_filter. */
export interface Filter {
  readonly filter: Uint8Array;
  readonly flags: number;
}

/** A filter between two processes, or two containers: its flags in four bytes, then its instructions. */
export function packFilter({ filter, flags }: Filter): Uint8Array {
  const packed = new Uint8Array(4 + filter.length);
  new DataView(packed.buffer).setUint32(0, flags, true);
  packed.set(filter, 4);
  return packed;
}

export function unpackFilter(packed: Uint8Array): Filter {
  return { filter: packed.slice(4), flags: new DataView(packed.buffer, packed.byteOffset).getUint32(0, true) };
}

/** A filter with everything laid out that seccomp(2) wants to see. */
export class LoadableFilter {
  readonly #instructions: Uint8Array;
  readonly #program: Uint8Array;
  readonly #flags: number;

  constructor({ filter, flags }: Filter) {
    this.#flags = flags;
    this.#instructions = filter;
    this.#program = sockFprog.pack({
      len: this.#instructions.length / INSTRUCTION_SIZE,
      filter: addressOf(this.#instructions),
    });
  }

  /** From here on, the process can make only the calls that the filter allows. seccomp(2). */
  load(): void {
    check(seccomp(SECCOMP_SET_MODE_FILTER, this.#flags, this.#program), 'seccomp', 'filter');
  }
}
