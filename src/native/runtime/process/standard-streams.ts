import type { User } from '#common/runtime-spec/types.ts';
import { EINVAL, EPERM, EROFS } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import { statusOf } from '#sys/file-status.ts';
import { AT_EMPTY_PATH, fchownat, S_IFCHR, S_IFMT } from '#sys/raw/file.ts';

/**
 * Gives the pipes and files behind the standard streams to the program's user, as runc and crun do: programs that log to
 * /dev/stdout open them anew. Terminals and the null device stay as they are, and so does what belongs to somebody who has
 * no id here.
 */
export function ownStandardStreams({ uid, gid }: User): void {
  for (const fd of [0, 1, 2]) {
    const status = statusOf(fd);
    if ((status.mode & S_IFMT) === S_IFCHR || (status.uid === uid && status.gid === gid)) continue;
    const result = fchownat(fd, '', uid, gid, AT_EMPTY_PATH);
    if (![-EINVAL, -EPERM, -EROFS].includes(result)) check(result, 'fchownat', `standard stream ${fd}`);
  }
}
