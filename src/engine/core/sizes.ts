import { ProaError } from '#common/errors.ts';

const units: Record<string, number> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes meant by a Docker size such as `10m` or `1.5g`: powers of 1024, in any case. Throws `invalid`, naming `field`. */
export function bytesFromSize(text: string, field: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s?([bkmgtp]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === '') throw new ProaError(`${field}: invalid size: '${text}'`, { kind: 'invalid' });
  return Math.floor(Number(number) * 1024 ** (units[unit.toLowerCase()] ?? 0));
}
