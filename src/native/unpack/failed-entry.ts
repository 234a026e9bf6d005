import { kindOf, ProaError } from '#common/errors.ts';
import type { Entry } from '#common/tar/entry.ts';
import { described, TarError } from '#common/tar/error.ts';
import { E2BIG, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ERANGE } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';

/** A failure while an entry was made, with its name; what is wrong with the archive says that already. */
export function failedEntry(entry: Entry, cause: unknown): unknown {
  if (cause instanceof TarError) return cause;
  const kind = isErrno(cause, ...faultsOfArchives) ? 'invalid' : kindOf(cause);
  return new ProaError(`Cannot unpack ${described(entry)}`, { kind, cause });
}

/** What the kernel answers to names, links and attributes that cannot be. */
const faultsOfArchives = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, E2BIG, ERANGE];
