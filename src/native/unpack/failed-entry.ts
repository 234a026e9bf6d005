import { kindOf, ProaError } from '#common/errors.ts';
import type { Entry } from '#common/tar/entry.ts';
import { described, TarError } from '#common/tar/error.ts';

/** A failure while an entry was made, with its name; what is wrong with the archive says that already. */
export function failedEntry(entry: Entry, cause: unknown): unknown {
  if (cause instanceof TarError) return cause;
  return new ProaError(`Cannot unpack ${described(entry)}`, { kind: kindOf(cause), cause });
}
