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
  return rfc3339({ seconds: timespec.get(now, 'sec'), nanoseconds: timespec.get(now, 'nsec') });
}

const FIRST_SECOND = -62135596800;
const LAST_SECOND = 253402300799;

/** A time with nanoseconds, in UTC; one before the year 1 or after 9999, which files may have, becomes the first or last. */
export function rfc3339({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): string {
  const second = Math.min(Math.max(seconds, FIRST_SECOND), LAST_SECOND);
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
}

/** Waits, whatever happens meanwhile. */
export function sleepMilliseconds(milliseconds: number): void {
  const time = timespec.pack({ sec: Math.floor(milliseconds / 1000), nsec: (milliseconds % 1000) * 1e6 });
  ppoll(new Uint8Array(8), 0, time);
}

/** The time of day, to be written many times a second: what stays the same in it is kept. */
export class Clock {
  readonly #now = new Uint8Array(timespec.size);
  readonly #view = new DataView(this.#now.buffer);
  /** The text of a second, and which. */
  #kept = '';
  #keptSecond = -1;
  /** Seconds since 1970. */
  second = -1;
  /** Billionths of the second, and a billion. */
  #nanoseconds = 1e9;

  read(): void {
    clock_gettime(0, this.#now);
    this.second = this.#view.getUint32(0, true) + this.#view.getUint32(4, true) * 2 ** 32;
    this.#nanoseconds = 1e9 + this.#view.getUint32(8, true);
  }

  /** What was read last, as `timestamp()` gives it. */
  text(): string {
    if (this.#keptSecond !== this.second) this.#kept = new Date(this.second * 1000).toISOString().slice(0, 19);
    this.#keptSecond = this.second;
    return `${this.#kept}.${String(this.#nanoseconds).slice(1)}Z`;
  }
}
