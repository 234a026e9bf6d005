import { decimal } from './numbers.ts';

/** A point in time: whole seconds since 1970, rounded down, and billionths of a second after them. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

const MINUS = 0x2d;
const POINT = 0x2e;

/**
 * The time of a pax record: `-1.25` is a second and a quarter before 1970. Digits after the ninth are dropped towards the
 * past. Undefined when it is none.
 */
export function paxTime(bytes: Uint8Array): Time | undefined {
  const negative = bytes[0] === MINUS;
  const start = negative ? 1 : 0;
  const point = bytes.indexOf(POINT);
  const end = point < 0 ? bytes.length : point;
  const seconds = decimal(bytes, start, end);
  let nanoseconds = 0;
  let inexact = false;
  if (point >= 0) {
    const digits = bytes.subarray(point + 1);
    for (const digit of digits) if (digit < 0x30 || digit > 0x39) return undefined;
    for (let place = 0; place < 9; place++) nanoseconds = nanoseconds * 10 + ((digits[place] ?? 0x30) - 0x30);
    inexact = digits.subarray(9).some((digit) => digit !== 0x30);
  }
  if (Number.isNaN(seconds)) return undefined;
  if (!negative) return { seconds, nanoseconds };
  if (inexact) nanoseconds++;
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}

/** The shortest pax record value that means this time. */
export function textOfTime({ seconds, nanoseconds }: Time): string {
  const negative = seconds < 0 && nanoseconds > 0;
  const whole = negative ? seconds + 1 : seconds;
  const fraction = negative ? 1e9 - nanoseconds : nanoseconds;
  const digits = fraction === 0 ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
  return `${seconds < 0 && whole === 0 ? '-' : ''}${whole}${digits}`;
}
