// How cgroup files become the fields of common/protocol/stats.ts.
import type { MemoryEntry } from '#common/protocol/stats.ts';
import type { Integer64 } from '#common/runtime-spec/types.ts';

/** The text of a file in the container's cgroup; undefined where there is none. */
export type ReadFile = (file: string) => string | undefined;

const UNLIMITED = (1n << 64n) - 1n;

/** A number of a cgroup file, as a bigint where a number would round it; `max` is 2^64 - 1 and nothing is 0. */
export function quantity(text: string | undefined): Integer64 {
  const word = text?.trim();
  if (!word) return 0;
  if (word === 'max') return UNLIMITED;
  const number = Number(word);
  return Number.isSafeInteger(number) || !/^\d+$/.test(word) ? number : BigInt(word);
}

/** The lines `key value` of a file. */
export function table(text: string | undefined): Record<string, Integer64> {
  const found: Record<string, Integer64> = {};
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) found[line.slice(0, space)] = quantity(line.slice(space + 1));
  }
  return found;
}

/** Without fields that are zero, empty or undefined. */
export function withoutZeros<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept: { [K in keyof T]?: NonNullable<T[K]> } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value && !(typeof value === 'object' && Object.keys(value).length === 0)) kept[key] = value;
  }
  return kept;
}

export function memoryEntry({ limit, usage, max, failcnt }: Required<MemoryEntry>): MemoryEntry | undefined {
  if (!limit && !usage && !max && !failcnt) return undefined;
  return { limit, ...withoutZeros({ usage, max }), failcnt };
}
