import { addressOf } from '#sys/bytes.ts';
import { layout } from '#sys/layout.ts';

const sockFprog = layout('sock_fprog', { len: 'u16', filter: 'u64' });

/** A filter as seccomp(2) takes it. */
export interface CompiledFilter {
  /** struct sock_fprog, which points into `instructions`. */
  program: Uint8Array;
  /** Kept, so that what `program` points to lives as long. */
  instructions: Uint8Array;
  flags: number;
}

export function loadableFilter({
  filter,
  length,
  flags,
}: {
  filter: Uint8Array;
  length: number;
  flags: number;
}): CompiledFilter {
  return { program: sockFprog.pack({ len: length, filter: addressOf(filter) }), instructions: filter, flags };
}
