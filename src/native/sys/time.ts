import { layout } from './layout.ts';
import { clock_gettime } from './raw/process.ts';
import { ppoll } from './raw/wait.ts';

export const timespec = layout('timespec', { sec: 's64', nsec: 's64' });
const CLOCK_MONOTONIC = 1;

/** Microseconds of a clock that only runs forward. clock_gettime(2), CLOCK_MONOTONIC. */
export function monotonicMicroseconds(): number {
  const now = new Uint8Array(timespec.size);
  clock_gettime(CLOCK_MONOTONIC, now);
  return timespec.get(now, 'sec') * 1e6 + timespec.get(now, 'nsec') / 1000;
}

/** The time of day as RFC 3339 with nanoseconds, in UTC: `2026-01-02T03:04:05.000000006Z`. */
export function timestamp(): string {
  const now = new Uint8Array(timespec.size);
  clock_gettime(0, now);
  const seconds = new Date(timespec.get(now, 'sec') * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(timespec.get(now, 'nsec')).padStart(9, '0')}Z`;
}

/** Waits, whatever happens meanwhile. */
export function sleepMilliseconds(milliseconds: number): void {
  const time = timespec.pack({ sec: Math.floor(milliseconds / 1000), nsec: (milliseconds % 1000) * 1e6 });
  ppoll(new Uint8Array(8), 0, time);
}

/** Gives timestamps one after the other: the part that stays the same for a second is made once. */
export class Clock {
  readonly #now = new Uint8Array(timespec.size);
  readonly #view = new DataView(this.#now.buffer);
  #second = -1;
  #prefix = '';

  /** Seconds since 1970, when the last timestamp was given. */
  get second(): number {
    return this.#second;
  }

  /** As `timestamp()`. */
  timestamp(): string {
    clock_gettime(0, this.#now);
    const second = this.#view.getUint32(0, true) + this.#view.getUint32(4, true) * 2 ** 32;
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = `${new Date(second * 1000).toISOString().slice(0, 19)}.`;
    }
    return `${this.#prefix}${String(this.#view.getUint32(8, true)).padStart(9, '0')}Z`;
  }
}
