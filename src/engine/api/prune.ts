import { ProaError } from '#common/errors.ts';
import { type Filters, fitsLabels } from './query.ts';

const units: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** Which of what nobody uses is to go: made before `until`, with every `label`, with none of `label!`. */
export function pruneTest({ until, label, ...rest }: Filters<'until' | 'label' | 'label!'>) {
  const latest = until?.map((value) => momentBefore(value));
  const unwanted = rest['label!'];
  return ({ labels = {}, created }: { labels?: Record<string, string> | undefined; created: string }): boolean =>
    (latest ?? []).every((time) => Date.parse(created) < time) &&
    fitsLabels(labels, label) &&
    !(unwanted ?? []).some((one) => fitsLabels(labels, [one]));
}

/** A time, or how long ago in Go's durations such as `1h30m`. Milliseconds since 1970. */
export function momentBefore(text: string): number {
  if (/^(\d+(\.\d+)?[hms])+$/.test(text)) {
    let seconds = 0;
    for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)([hms])/g))
      seconds += Number(number) * (units[unit] ?? 0);
    return Date.now() - seconds * 1000;
  }
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new ProaError(`invalid filter 'until=[${text}]'`, { kind: 'invalid' });
}
