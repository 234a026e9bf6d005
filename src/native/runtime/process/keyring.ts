import { ENOSYS, EPERM } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import { keyctl } from '#sys/raw/process.ts';

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;
/** Possessor: everything; user: view and search. keyctl_setperm(3). */
const PERMISSIONS = 0x3f0b0000;

/** Keys of the caller's session stay out of the container. session-keyring(7). */
export function joinNewKeyring(id: string): void {
  const ring = keyctl(KEYCTL_JOIN_SESSION_KEYRING, `_ses.${id}`, 0, 0);
  // Kernels without key management, and outer containers whose seccomp profile hides it, have no keys to keep out.
  if (ring === -ENOSYS || ring === -EPERM) return;
  check(ring, 'keyctl', 'KEYCTL_JOIN_SESSION_KEYRING');
  keyctl(KEYCTL_SETPERM, ring, PERMISSIONS, 0);
}
