import type { FilesRequests } from '#common/protocol/files.ts';
import { EBUSY } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { setPropagation, unmount } from '#sys/mounts.ts';
import { MS_PRIVATE } from '#sys/raw/mount.ts';

/** Who has files of it open keeps them; nobody else finds it from then on. */
export function unmountVolume({ target }: FilesRequests['unmount-volume']): object {
  try {
    unmount(target, { detach: false });
  } catch (error) {
    if (!isErrno(error, EBUSY)) throw error;
    // With `rbind` there are mounts below it, copies of others that it shares with: those are not to go with them.
    setPropagation(target, MS_PRIVATE);
    unmount(target);
  }
  return {};
}
