import { setIdentity } from '#sys/credentials.ts';
import { SIGKILL, setDumpable, setParentDeathSignal } from '#sys/processes.ts';

/**
 * User 0 of the user namespace, with every capability there. Taking another identity disarms the death signal, and sets
 * what others may see of this memory by fs.suid_dumpable: prctl(2).
 */
export function becomeMappedRoot(): void {
  setIdentity({ uid: 0, gid: 0, groups: [] });
  setDumpable(false);
  setParentDeathSignal(SIGKILL);
}
