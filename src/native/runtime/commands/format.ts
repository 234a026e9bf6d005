import { ProaError } from '#common/errors.ts';
import type { Parsed } from '#native/options.ts';

/** What `--format` asks for. */
export function formatOption({ values }: Parsed): 'table' | 'json' {
  const format = values['format'] ?? 'table';
  if (format === 'table' || format === 'json') return format;
  throw new ProaError(`option --format: expected table or json, got "${format}"`, { kind: 'invalid' });
}

const LEAST_WIDTH = 12;
const SPACE = 3;

/** Rows in columns as wide as their widest cell asks for, and at least 12; the last column is not filled up. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length + SPACE), LEAST_WIDTH),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell)).join(''),
  );
  return `${lines.join('\n')}\n`;
}
