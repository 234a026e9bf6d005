import { EAGAIN } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { type ExitReason, pollChild } from '#sys/processes.ts';
import { read } from '#sys/raw/file.ts';
import * as raw from '#sys/raw/wait.ts';
import { openSignals } from '#sys/signals.ts';
import type { Loop } from './loop.ts';

const CLOCK_MONOTONIC = 1;

/** Resolves after the time, measured by a clock that only runs forward. timerfd_create(2). */
export async function sleep(loop: Loop, milliseconds: number): Promise<void> {
  using timer = openTimer();
  setTimer(timer, milliseconds, 0);
  await loop.ready(timer.number, 'readable');
}

/** Calls `due` once after the time, unless it is disposed before. */
export function after(loop: Loop, milliseconds: number, due: () => void): Disposable {
  const timer = openTimer();
  setTimer(timer, milliseconds, 0);
  const stop = () => {
    watch[Symbol.dispose]();
    timer.close();
  };
  const watch = loop.watch(timer.number, 'readable', () => {
    stop();
    due();
  });
  return { [Symbol.dispose]: stop };
}

/** Calls `tick` every so many milliseconds until disposed; ticks that were missed are not made up for. */
export function every(loop: Loop, milliseconds: number, tick: () => void): Disposable {
  const timer = openTimer();
  setTimer(timer, milliseconds, milliseconds);
  const count = new Uint8Array(8);
  const watch = loop.watch(timer.number, 'readable', () => {
    uninterrupted(() => read(timer.number, count, count.length));
    tick();
  });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      timer.close();
    },
  };
}

function openTimer(): OwnedFd {
  return owned(raw.timerfd_create(CLOCK_MONOTONIC, raw.SFD_CLOEXEC | raw.SFD_NONBLOCK), 'timerfd_create');
}

function setTimer(timer: OwnedFd, first: number, interval: number): void {
  const nanoseconds = (milliseconds: number) => Math.round((milliseconds % 1000) * 1e6);
  const value = raw.itimerspec.pack({
    value_sec: Math.floor(first / 1000),
    // A zero value would disarm the timer.
    value_nsec: first <= 0 ? 1 : nanoseconds(first),
    interval_sec: Math.floor(interval / 1000),
    interval_nsec: nanoseconds(interval),
  });
  check(raw.timerfd_settime(timer.number, 0, value), 'timerfd_settime');
}

/** Calls `heard` with each of these signals; they must be blocked. signalfd(2). */
export function onSignals(loop: Loop, signals: readonly number[] | 'all', heard: (signal: number) => void): Disposable {
  const fd = openSignals(signals, { nonblocking: true });
  const info = new Uint8Array(raw.signalfdSiginfo.size);
  const watch = loop.watch(fd.number, 'readable', () => {
    for (;;) {
      const count = uninterrupted(() => read(fd.number, info, info.length));
      if (count === -EAGAIN) return;
      check(count, 'read', 'signalfd');
      heard(raw.signalfdSiginfo.get(info, 'signo'));
    }
  });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      fd.close();
    },
  };
}

/** Resolves when a child has ended, and reaps it. pidfd_open(2). */
export async function childExit(loop: Loop, child: { pid: number; pidfd: OwnedFd }): Promise<ExitReason> {
  for (;;) {
    const reason = pollChild(child);
    if (reason) return reason;
    await loop.ready(child.pidfd.number, 'readable');
  }
}
