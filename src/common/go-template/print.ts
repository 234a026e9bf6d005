import { templateError } from './error.ts';

/** A value as Go prints it with "%v": `[a b]`, `map[k:v]`, `<nil>`. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object')
    return `map[${Object.keys(value)
      .sort()
      .map((key) => `${key}:${goText((value as Record<string, unknown>)[key])}`)
      .join(' ')}]`;
  return String(value);
}

function numberText(value: number): string {
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -5 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** As Sprint: a space stands between two values neither of which is text. */
export function print(values: readonly unknown[]): string {
  return values
    .map((value, at) => {
      const parted = at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string';
      return (parted ? ' ' : '') + goText(value);
    })
    .join('');
}

/** As Sprintf. */
export function printf(format: unknown, values: readonly unknown[]): string {
  if (typeof format !== 'string') throw templateError('printf: the format is no text');
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\d+)?)?([a-zA-Z%])/g,
    (whole, flags: string, width, digits, verb) => {
      if (verb === '%') return '%';
      const columns = width === '*' ? Number(values[next++]) : Number(width ?? 0);
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const value = values[next++];
      const precision = whole.includes('.') ? Number(digits ?? 0) : undefined;
      return padded(formatValue(verb, value, flags, precision), columns, flags, typeof value !== 'string');
    },
  );
  const extra = values.slice(next).map((value) => `${typeName(value)}=${goText(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(', ')})` : text;
}

function padded(text: string, columns: number, flags: string, isNumber: boolean): string {
  const missing = columns - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0') || !isNumber) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

function formatValue(verb: string, value: unknown, flags: string, precision: number | undefined): string {
  const wrong = () => `%!${verb}(${typeName(value)}=${goText(value)})`;
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const signed = (text: string) => (flags.includes('+') && !text.startsWith('-') ? `+${text}` : text);
  switch (verb) {
    case 'v':
      return goText(value);
    case 's':
      if (isNumber || typeof value === 'boolean') return wrong();
      return precision === undefined ? goText(value) : [...goText(value)].slice(0, precision).join('');
    case 'q':
      return typeof value === 'string' ? JSON.stringify(value) : wrong();
    case 't':
      return typeof value === 'boolean' ? String(value) : wrong();
    case 'T':
      return typeName(value);
    case 'd':
      return isNumber ? signed(String(value)) : wrong();
    case 'c':
      return isNumber ? String.fromCodePoint(Number(value)) : wrong();
    case 'o':
    case 'b':
      return isNumber ? value.toString(verb === 'o' ? 8 : 2) : wrong();
    case 'x':
    case 'X': {
      const digits = isNumber ? value.toString(16) : hexOfText(goText(value));
      return verb === 'x' ? digits : digits.toUpperCase();
    }
    case 'f':
    case 'F':
      return isNumber ? signed(Number(value).toFixed(precision ?? 6)) : wrong();
    case 'e':
      return isNumber
        ? signed(
            Number(value)
              .toExponential(precision ?? 6)
              .replace(/e([+-])(\d)$/, 'e$10$2'),
          )
        : wrong();
    case 'g':
      return isNumber
        ? signed(goText(precision === undefined ? Number(value) : Number(Number(value).toPrecision(precision || 1))))
        : wrong();
    default:
      return wrong();
  }
}

function hexOfText(text: string): string {
  return encodeURIComponent(text).replace(/%(..)|(.)/g, (_, code: string | undefined, character: string) =>
    code === undefined ? character.charCodeAt(0).toString(16).padStart(2, '0') : code.toLowerCase(),
  );
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}
