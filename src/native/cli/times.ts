import { ProaError } from '#common/errors.ts';
import { nanosecondsFromDuration } from '#common/units/durations.ts';

/**
 * What `--since` and `--until` mean for the API: a time of day is left to it as seconds since 1970, a duration such as `10m` is
 * taken from now. Docker CLI reference, `docker logs`, "--since".
 */
export function apiTime(text: string | undefined): string | undefined {
  if (text === undefined || text === '' || /^\d+(\.\d+)?$/.test(text)) return text || undefined;
  const full = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (full) {
    const [, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = full;
    const milliseconds = Date.parse(`${day}T${hour}:${minute}:${second}.000${zone}`);
    if (!Number.isNaN(milliseconds)) return `${milliseconds / 1000}${fraction}`;
  }
  try {
    return ((Date.now() - nanosecondsFromDuration(text) / 1e6) / 1000).toFixed(3);
  } catch (cause) {
    throw new ProaError(`"${text}" is neither a time nor a duration`, { kind: 'invalid', cause });
  }
}
