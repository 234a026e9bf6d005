import { door } from '#sys/door.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';

const NR_EVENTFD2 = MACHINE === 'x86-64' ? 290 : 19;
const EFD_CLOEXEC = 0o2000000;

/** A counter that the kernel raises and a read takes. eventfd(2). */
export function openEventCounter(): OwnedFd {
  return owned(door.syscall(NR_EVENTFD2, 0, EFD_CLOEXEC), 'eventfd2');
}
