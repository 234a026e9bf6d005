import { ProaError } from '#common/errors.ts';
import type { Parsed } from '#native/options.ts';

/** Ranges of ids: as in /proc/PID/uid_map, user_namespaces(7). Empty: ids stay as they are. */
export type IdMap = readonly IdRange[];

export interface IdRange {
  inside: number;
  outside: number;
  count: number;
}

const MAXIMUM_ID = 0xfffffffe;

/** Ranges written as `C:H:N,C:H:N`; undefined for anything else. */
function parseIdMap(text: string): IdMap | undefined {
  const ranges: IdRange[] = [];
  for (const word of text.split(',')) {
    const [inside, outside, count, ...rest] = word
      .split(':')
      .map((part) => (/^\d{1,10}$/.test(part) ? Number(part) : undefined));
    if (inside === undefined || outside === undefined || !count || rest.length > 0) return undefined;
    if (inside + count - 1 > MAXIMUM_ID || outside + count - 1 > MAXIMUM_ID) return undefined;
    ranges.push({ inside, outside, count });
  }
  return ranges;
}

/** The ranges that an option gives; none where it is not given. */
export function idMapOption({ values }: Parsed, name: string): IdMap {
  const text = values[name];
  const map = text === undefined ? [] : parseIdMap(text);
  if (map) return map;
  throw new ProaError(`option --${name}: expected CONTAINER:HOST:COUNT, got "${text}"`, { kind: 'invalid' });
}

/** What an id inside is outside; undefined where no range holds it. */
export function toOutside(map: IdMap, id: number): number | undefined {
  if (map.length === 0) return id <= MAXIMUM_ID ? id : undefined;
  for (const { inside, outside, count } of map) if (id >= inside && id - inside < count) return outside + (id - inside);
  return undefined;
}

/** What an id outside is inside; undefined where no range holds it. */
export function toInside(map: IdMap, id: number): number | undefined {
  if (map.length === 0) return id;
  for (const { inside, outside, count } of map)
    if (id >= outside && id - outside < count) return inside + (id - outside);
  return undefined;
}
