export interface LogRecord {
  stream: 'stdout' | 'stderr';
  /** With its newline, where the line had one. */
  log: string;
  /** RFC 3339, with nanoseconds. */
  time: string;
  attrs?: Record<string, string>;
}

/** A line of a file in Docker's json-file format; undefined for one that is cut off or none. */
export function parseRecord(line: string): LogRecord | undefined {
  try {
    const record = JSON.parse(line) as LogRecord;
    return typeof record.log === 'string' && typeof record.time === 'string' ? record : undefined;
  } catch {
    // A loss of power has cut it off.
    return undefined;
  }
}

/** Nanoseconds since 1970. */
export function recordTime({ time }: LogRecord): bigint {
  const [, digits = ''] = /\.(\d{1,9})/.exec(time) ?? [];
  return BigInt(Math.floor(Date.parse(time) / 1000)) * 1_000_000_000n + BigInt(digits.padEnd(9, '0') || 0);
}
