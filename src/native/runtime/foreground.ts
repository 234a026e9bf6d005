import { check, uninterrupted } from '#sys/errors.ts';
import { type Child, type ExitReason, pollChild, reapOrphans, SIGCHLD, signalProcess } from '#sys/processes.ts';
import { read } from '#sys/raw/file.ts';
import { signalfdSiginfo } from '#sys/raw/wait.ts';
import { openSignals, SIGURG } from '#sys/signals.ts';

/** Waits for the container's process and passes every signal on to it. All signals are blocked. */
export function superviseProcess(child: Child): ExitReason {
  using signals = openSignals('all');
  const info = new Uint8Array(signalfdSiginfo.size);
  for (;;) {
    // The process may have ended before the signals were blocked.
    const reason = pollChild(child);
    if (reason) return reason;
    check(
      uninterrupted(() => read(signals.number, info, info.length)),
      'read',
      'signalfd',
    );
    passSignal(child, signalfdSiginfo.get(info, 'signo'));
  }
}

/** Gives a signal to the container; our children's are for us. */
export function passSignal(child: Child, signal: number): void {
  if (signal === SIGCHLD) reapOrphans(child.pid);
  // SIGURG is what Go programs send themselves to switch tasks: callers written in Go shower us with it.
  else if (signal !== SIGURG) signalProcess(child.pidfd, signal);
}
