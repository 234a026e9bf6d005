import { ProaError } from '#common/errors.ts';

/** Opcodes of classic BPF that seccomp accepts: linux/filter.h, linux/bpf_common.h. */
export const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS: a word of struct seccomp_data
export const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
export const JUMP = 0x05; // BPF_JMP | BPF_JA
export const IF_EQUAL = 0x15;
export const IF_GREATER = 0x25;
export const IF_GREATER_OR_EQUAL = 0x35;
export const RETURN = 0x06; // BPF_RET | BPF_K

/** BPF_MAXINSNS. */
export const LIMIT = 4096;
/** Room for a subtree that is written past the limit before somebody looks. */
const CAPACITY = LIMIT + 64;
const FARTHEST = 255;

/**
 * A filter that is written from its last instruction to its first. Jumps only go forward, so every target exists when a
 * jump to it is written. An address counts instructions from the end: the last has address 1, and a jump that is written
 * when there are `length` instructions skips `length - address` of them.
 */
export class Program {
  /** Two words for each struct sock_filter: code, jt and jf; then k. Little endian, as both machines are. */
  readonly words = new Uint32Array(CAPACITY * 2);
  length = 0;
  private readonly returns = new Map<number, number>();

  add(code: number, k: number): number {
    const { words, length } = this;
    if (length >= LIMIT) throw tooLong();
    const at = (CAPACITY - 1 - length) * 2;
    words[at] = code;
    words[at + 1] = k;
    this.length = length + 1;
    return length + 1;
  }

  /** A conditional jump to two addresses, near or far. */
  branch(code: number, k: number, yes: number, no: number): number {
    // Each detour makes the other target one instruction farther away.
    const noNear = this.length - no < FARTHEST ? no : this.detour(no);
    const yesNear = this.length - yes <= FARTHEST ? yes : this.detour(yes);
    const { length } = this;
    return this.add(code | ((length - yesNear) << 16) | ((length - noNear) << 24), k);
  }

  /** An instruction right here that does what the one at `address` does: offsets of conditional jumps have eight bits. */
  detour(address: number): number {
    const at = CAPACITY * 2 - address * 2;
    const code = this.words[at] as number;
    const k = this.words[at + 1] as number;
    if (code === RETURN) {
      const copy = this.add(RETURN, k);
      this.returns.set(k, copy);
      return copy;
    }
    return this.add(JUMP, this.length - (code === JUMP ? address - 1 - k : address));
  }

  /** Makes what is written next fall through to `address`. */
  goTo(address: number): void {
    if (address !== this.length) this.detour(address);
  }

  /** The address of an instruction that returns `value`, the nearest one that is known. */
  answer(value: number): number {
    const known = this.returns.get(value);
    if (known !== undefined && this.length - known < FARTHEST) return known;
    const address = this.add(RETURN, value);
    this.returns.set(value, address);
    return address;
  }

  /** The finished array of struct sock_filter. */
  bytes(): Uint8Array {
    if (this.length > LIMIT) throw tooLong();
    return new Uint8Array(this.words.buffer, (CAPACITY - this.length) * 8, this.length * 8);
  }
}

export function tooLong(): ProaError {
  return new ProaError(
    `linux.seccomp: the filter needs more than ${LIMIT} instructions, which is all that Linux takes`,
    {
      kind: 'exhausted',
      remedy: 'use fewer rules with conditions on arguments',
    },
  );
}
