import { ProaError } from '#common/errors.ts';
import { onSignals, sleep } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { exitProcess } from '#sys/processes.ts';
import { blockSignals, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH } from '#sys/signals.ts';
import { makeRaw, type WindowSize, windowSize } from '#sys/terminals.ts';

const ending = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/**
 * Gives the keys of the caller's terminal to a container, until disposed: also a signal that ends this program leaves the
 * terminal as it was.
 */
export function takeTerminal(loop: Loop): Disposable {
  blockSignals(ending);
  const raw = makeRaw(0);
  const heard = onSignals(loop, ending, (signal) => {
    raw?.[Symbol.dispose]();
    exitProcess(128 + signal);
  });
  return {
    [Symbol.dispose]() {
      raw?.[Symbol.dispose]();
      heard[Symbol.dispose]();
    },
  };
}

const FIRST_TRIES = 10;

/** Tells `resize` the size of the caller's window now, and whenever it changes. The container may need a moment to have one. */
export function followWindow(loop: Loop, resize: (size: WindowSize) => Promise<void>): Disposable {
  blockSignals([SIGWINCH]);
  let over = false;
  async function tell(): Promise<void> {
    for (let tries = 0; !over; tries++) {
      const size = windowSize(1) ?? windowSize(0);
      if (!size || (size.rows === 0 && size.columns === 0)) return;
      try {
        await resize(size);
        return;
      } catch {
        // Not there yet, or not there any more: a window of the wrong size is no reason to end.
        if (tries === FIRST_TRIES) return;
        await sleep(loop, 10 * (tries + 1));
      }
    }
  }
  void tell();
  const heard = onSignals(loop, [SIGWINCH], () => void tell());
  return {
    [Symbol.dispose]() {
      over = true;
      heard[Symbol.dispose]();
    },
  };
}

/** A terminal is asked for, and standard input shall feed it: then it must be one. */
export function needTerminal({ stdin, tty }: { stdin: boolean; tty: boolean }): void {
  if (stdin && tty && !windowSize(0)) throw new ProaError('the input device is not a TTY', { kind: 'invalid' });
}
