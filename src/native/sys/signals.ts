import { RTMAX } from '#common/signals.ts';
import { check } from './errors.ts';
import { type OwnedFd, owned } from './fd.ts';
import { readTextIfAny } from './files.ts';
import * as raw from './raw/wait.ts';

export { signalName, signalNumber } from '#common/signals.ts';

function setOf(signals: readonly number[]): Uint8Array {
  const set = new Uint8Array(8);
  for (const signal of signals) set[(signal - 1) >> 3] = (set[(signal - 1) >> 3] ?? 0) | (1 << ((signal - 1) & 7));
  return set;
}

/** Blocks all signals, or lets all in. sigprocmask(2). */
export function blockAllSignals(on: boolean): void {
  check(raw.rt_sigprocmask(raw.SIG_SETMASK, new Uint8Array(8).fill(on ? 0xff : 0), null), 'rt_sigprocmask');
}

export function blockSignals(signals: readonly number[]): void {
  check(raw.rt_sigprocmask(raw.SIG_BLOCK, setOf(signals), null), 'rt_sigprocmask');
}

export function unblockSignals(signals: readonly number[]): void {
  check(raw.rt_sigprocmask(raw.SIG_UNBLOCK, setOf(signals), null), 'rt_sigprocmask');
}

/** Those that are ignored, as far as that is known: what was read once, and what was done since. */
let ignored: Set<number> | undefined;

/** Gives every signal its default action: ignored ones would stay ignored across execve(2). Others are never caught here. */
export function resetSignalActions(): void {
  const byDefault = new Uint8Array(32);
  for (const signal of ignored ?? ignoredSignals()) raw.rt_sigaction(signal, byDefault, null);
  ignored = new Set();
}

/** proc_pid_status(5), SigIgn; where that cannot be read, any may be. */
function ignoredSignals(): number[] {
  const all = Array.from({ length: RTMAX }, (_, index) => index + 1);
  let status = '';
  try {
    status = readTextIfAny('/proc/self/status') ?? '';
  } catch {
    // Whatever is in the way of reading it, all of them can be reset.
  }
  const mask = /^SigIgn:\t([0-9a-f]{16})$/m.exec(status)?.[1];
  if (mask === undefined) return all;
  const halves = [Number.parseInt(mask.slice(8), 16), Number.parseInt(mask.slice(0, 8), 16)] as const;
  return all.filter((signal) => ((signal > 32 ? halves[1] : halves[0]) >>> ((signal - 1) % 32)) & 1);
}

/** Delivers signals as data; they must be blocked. signalfd(2). */
export function openSignals(signals: readonly number[] | 'all', { nonblocking = false } = {}): OwnedFd {
  const set = signals === 'all' ? new Uint8Array(8).fill(0xff) : setOf(signals);
  return owned(raw.signalfd4(-1, set, raw.SFD_CLOEXEC | (nonblocking ? raw.SFD_NONBLOCK : 0)), 'signalfd4');
}

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGTERM = 15;
export const SIGWINCH = 28;
export const SIGURG = 23;
export const SIGSYS = 31;

/** The signal does nothing to this process, nor to its children until they reset it. */
export function ignoreSignal(signal: number): void {
  const action = new Uint8Array(32);
  action[0] = SIG_IGN;
  check(raw.rt_sigaction(signal, action, null), 'rt_sigaction');
  ignored?.add(signal);
}

/** The signal acts again as it does by default. */
export function defaultSignal(signal: number): void {
  check(raw.rt_sigaction(signal, new Uint8Array(32), null), 'rt_sigaction');
  ignored?.delete(signal);
}

export const SIGPIPE = 13;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGSEGV = 11;
export const SIGTTIN = 21;
export const SIGTTOU = 22;

/** What a program started by this process shall find as this process found it: the mask, and how some signals act. */
export interface SignalState {
  restore(): void;
}

/** Blocks all signals but `kept`, ignores `ignored` and gives `byDefault` their default action; what was before. */
export function takeSignals(signals: {
  kept: readonly number[];
  ignored: readonly number[];
  byDefault: readonly number[];
}): SignalState {
  const mask = new Uint8Array(8);
  const blocked = new Uint8Array(8).fill(0xff);
  setOf(signals.kept).forEach((bits, at) => {
    blocked[at] = ~bits;
  });
  check(raw.rt_sigprocmask(raw.SIG_SETMASK, blocked, mask), 'rt_sigprocmask');
  ignored = undefined;
  const actions = [...signals.ignored, ...signals.byDefault].map((signal) => {
    const before = new Uint8Array(32);
    const action = new Uint8Array(32);
    action[0] = signals.ignored.includes(signal) ? SIG_IGN : 0;
    check(raw.rt_sigaction(signal, action, before), 'rt_sigaction');
    return { signal, before };
  });
  return {
    restore() {
      for (const { signal, before } of actions) check(raw.rt_sigaction(signal, before, null), 'rt_sigaction');
      check(raw.rt_sigprocmask(raw.SIG_SETMASK, mask, null), 'rt_sigprocmask');
    },
  };
}

const SIG_IGN = 1;
