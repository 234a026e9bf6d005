import { humanDuration } from '#common/units/durations.ts';

/** The first 12 digits of an id, without the name of its hash. */
export function shortId(id: string): string {
  return id.slice(id.indexOf(':') + 1).slice(0, 12);
}

/** At most so many characters, the last of them "…". */
export function shorten(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  return length < 1 ? '' : `${characters.slice(0, length - 1).join('')}…`;
}

/** Seconds since 1970 of an RFC 3339 time; NaN for the time of nothing. */
export function secondsOf(time: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!match || time.startsWith('0001-')) return Number.NaN;
  return Date.parse(`${match[1]}.000${match[3]}`) / 1000 + Number(match[2] ?? 0);
}

/** `2 hours ago`. */
export function ago(seconds: number): string {
  return `${humanDuration(Date.now() / 1000 - seconds)} ago`;
}

/** As Go prints a time in this machine's zone: `2026-01-02 03:04:05 +0000 UTC`. */
export function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = -date.getTimezoneOffset();
  const zone = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} ${zone} ${minutes === 0 ? 'UTC' : zone}`;
}

/** RFC 3339 with nine digits of the second, in this machine's zone. */
export function localTimestamp(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const [day, time, zone = ''] = localTime(Number(seconds)).split(' ');
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${day}T${time}.${fraction}${zone === '+0000' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3)}`}`;
}
