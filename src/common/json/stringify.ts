const depthLimit = 200;

/**
 * JSON text of `value` as JSON.stringify writes it, with bigints as integers. `indent` is a unit of indentation such
 * as `'\t'`; none by default.
 */
export function stringifyJson(value: unknown, indent = ''): string {
  try {
    return JSON.stringify(value, null, indent) ?? 'null';
  } catch {
    // A bigint, for which JSON.stringify only throws. Looking for one beforehand would cost as much as writing.
    return write(value, indent, '\n', 0);
  }
}

function write(value: unknown, indent: string, newline: string, depth: number): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (depth === depthLimit) throw new TypeError('JSON of a value that nests too deep, or holds itself');
  const inner = newline + indent;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) parts.push(write(item, indent, inner, depth + 1));
    return enclose('[', parts, ']', indent, newline);
  }
  const colon = indent === '' ? ':' : ': ';
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined && typeof field !== 'function') {
      parts.push(JSON.stringify(key) + colon + write(field, indent, inner, depth + 1));
    }
  }
  return enclose('{', parts, '}', indent, newline);
}

function enclose(open: string, parts: string[], close: string, indent: string, newline: string): string {
  if (parts.length === 0) return open + close;
  if (indent === '') return open + parts.join(',') + close;
  return open + newline + indent + parts.join(`,${newline}${indent}`) + newline + close;
}
