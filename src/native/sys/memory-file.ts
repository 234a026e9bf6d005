import { EINVAL } from './errno.ts';
import { type OwnedFd, owned } from './fd.ts';
import * as raw from './raw/file.ts';

/**
 * A file that is in memory alone, and can be sealed. It says whether it is to be executed, since hosts may refuse those that
 * do not: memfd_create(2), "/proc/sys/vm/memfd_noexec".
 */
export function memoryFile(name: string, { executed = false } = {}): OwnedFd {
  const flags = raw.MFD_CLOEXEC | raw.MFD_ALLOW_SEALING;
  const fd = raw.memfd_create(name, flags | (executed ? raw.MFD_EXEC : raw.MFD_NOEXEC_SEAL));
  // Before Linux 6.3 there is no such word.
  return owned(fd === -EINVAL ? raw.memfd_create(name, flags) : fd, 'memfd_create');
}
