import { setIdentity } from '#sys/credentials.ts';
import { SIGKILL, setParentDeathSignal } from '#sys/processes.ts';

/** User 0 of the user namespace, with every capability there. Taking another identity disarms the death signal. */
export function becomeMappedRoot(): void {
  setIdentity({ uid: 0, gid: 0, groups: [] });
  setParentDeathSignal(SIGKILL);
}
