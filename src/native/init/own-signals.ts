import { SIGCHLD } from '#sys/processes.ts';
import { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGTTIN, SIGTTOU } from '#sys/signals.ts';

/** How init takes signals: all are read from a descriptor and passed on, but for these. */
export const ownSignals = {
  // The kernel's word that this process itself is broken.
  kept: [SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU],
  // The program has the terminal, so this process is in the background: what it says must not stop it.
  ignored: [SIGTTIN, SIGTTOU],
  // Were it ignored, the kernel would take children away, and their status with them: waitid(2), NOTES.
  byDefault: [SIGCHLD],
};
