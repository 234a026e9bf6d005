import { onSignals } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { blockSignals, signalName } from '#sys/signals.ts';
import type { Engine } from '../engine.ts';
import { segment } from '../engine.ts';
import { ApiError } from '../failures.ts';

/** What cannot be blocked, what the kernel sends for faults of this program, and what is about its own children. */
const own = new Set([4, 5, 7, 8, 9, 11, 13, 17, 19, 23, 31, 32, 33]);
const forwarded = () => Array.from({ length: 64 }, (_, index) => index + 1).filter((signal) => !own.has(signal));

/** Passes the signals that this program gets on to a container, until disposed; those that come before its start, after it. */
export function forwardSignals(
  loop: Loop,
  engine: Engine,
  container: string,
  started: Promise<unknown> = Promise.resolve(),
): Disposable {
  const signals = forwarded();
  blockSignals(signals);
  return onSignals(loop, signals, (signal) => {
    const query = { signal: signalName(signal).slice('SIG'.length) };
    const pass = () =>
      engine.post(`/containers/${segment(container)}/kill`, { query }).catch((error) => {
        // It has ended meanwhile: the status will say so.
        if (!(error instanceof ApiError)) throw error;
      });
    // Where the start fails there is nobody to pass it on to.
    started.then(pass, () => {});
  });
}
