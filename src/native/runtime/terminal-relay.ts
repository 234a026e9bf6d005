import { EAGAIN, EIO } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import { type Child, type ExitReason, pollChild } from '#sys/processes.ts';
import { read } from '#sys/raw/file.ts';
import { EPOLLHUP, EPOLLIN, pollfd, ppoll, signalfdSiginfo } from '#sys/raw/wait.ts';
import { openSignals, SIGWINCH } from '#sys/signals.ts';
import { makeRaw, setWindowSize, windowSize } from '#sys/terminals.ts';
import { passSignal } from './foreground.ts';

const BUFFER = 32768;

/**
 * Connects the caller's terminal with the container's until the process ends: keys go in raw, output comes out, the
 * window's size follows. The caller's terminal is as before on every way out.
 */
export function superviseTerminal(child: Child, master: OwnedFd): ExitReason {
  using container = master;
  using signals = openSignals('all');
  using _raw = makeRaw(0);
  const buffer = new Uint8Array(BUFFER);
  copyWindowSize(container);
  let input = 0;
  for (;;) {
    const [fromUser, fromContainer, signalled] = wait([input, container.number, signals.number]);
    if (fromContainer && copy(container.number, 1, buffer) <= 0) break;
    if (fromUser && copy(0, container.number, buffer) <= 0) input = -1;
    if (signalled) {
      const signal = readSignal(signals);
      if (signal === SIGWINCH) copyWindowSize(container);
      else passSignal(child, signal);
      const reason = pollChild(child);
      if (reason) {
        drain(container, buffer);
        return reason;
      }
    }
  }
  // Nobody holds the container's side any more, but its process may live on.
  for (;;) {
    const reason = pollChild(child);
    if (reason) return reason;
    passSignal(child, readSignal(signals));
  }
}

/** Bytes copied; 0 or less at the end of the stream. A terminal whose other side is closed answers EIO. */
function copy(from: number, to: number, buffer: Uint8Array): number {
  const count = uninterrupted(() => read(from, buffer, buffer.length));
  if (count > 0) writeAll(to, buffer.subarray(0, count), 'terminal');
  else if (count !== 0 && count !== -EIO && count !== -EAGAIN) check(count, 'read', 'terminal');
  return count;
}

/** What the process wrote before it ended is still to be shown. */
function drain(container: OwnedFd, buffer: Uint8Array): void {
  while (wait([container.number], 0)[0]) if (copy(container.number, 1, buffer) <= 0) return;
}

function readSignal(signals: OwnedFd): number {
  const info = new Uint8Array(signalfdSiginfo.size);
  check(
    uninterrupted(() => read(signals.number, info, info.length)),
    'read',
    'signalfd',
  );
  return signalfdSiginfo.get(info, 'signo');
}

/** Which of the descriptors can be read, or have ended. ppoll(2). */
function wait(numbers: readonly number[], milliseconds?: number): boolean[] {
  const fds = new Uint8Array(pollfd.size * numbers.length);
  numbers.forEach((fd, index) => {
    fds.set(pollfd.pack({ fd, events: EPOLLIN }), index * pollfd.size);
  });
  const time = milliseconds === undefined ? null : new Uint8Array(16);
  check(
    uninterrupted(() => ppoll(fds, numbers.length, time)),
    'ppoll',
  );
  return numbers.map((_, index) => (pollfd.get(fds, 'revents', index * pollfd.size) & (EPOLLIN | EPOLLHUP)) !== 0);
}

function copyWindowSize(container: OwnedFd): void {
  const size = windowSize(0) ?? windowSize(1);
  if (size) setWindowSize(container, size);
}
