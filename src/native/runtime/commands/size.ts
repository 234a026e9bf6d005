/**
 * Bytes meant by a size such as `512m`, `1.5 GiB` or `-1` (no limit); suffixes are powers of 1024 in any case, and a
 * fraction of a byte is cut off. Undefined for anything else. Source: RAMInBytes of docker/go-units, which runc uses.
 */
export function bytesFromSize(text: string): bigint | undefined {
  if (text === '-1') return -1n;
  const match = /^(\d+)(?:\.(\d+))? ?(?:([kmgtp])i?)?b?$/i.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = '', unit = ''] = match;
  const scale = 1024n ** BigInt(' kmgtp'.indexOf(unit.toLowerCase() || ' '));
  const bytes = (BigInt(whole + fraction) * scale) / 10n ** BigInt(fraction.length);
  return bytes < 1n << 63n ? bytes : undefined;
}
