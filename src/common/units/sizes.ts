import { ProaError } from '../errors.ts';

const binaryLetters = 'kmgtp';

/**
 * Bytes meant by a Docker size such as `"512m"`, `"1.5 GiB"` or `"100"`; suffixes are powers of 1024, whatever their case.
 * Throws `invalid` for anything else, also for negative ones. Source: Docker CLI reference, `docker run`, "--memory".
 */
export function bytesFromSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i.exec(text);
  const bytes =
    match && Math.floor(Number(match[1]) * 1024 ** (binaryLetters.indexOf((match[2] ?? '').toLowerCase() || '-') + 1));
  if (!match || bytes === null || !Number.isSafeInteger(bytes))
    throw new ProaError(`invalid size: '${text}'`, { kind: 'invalid' });
  return bytes;
}

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** A size for people, in powers of 1000 with so many digits: `12.3MB`. */
export function decimalSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, decimalUnits, digits);
}

/** The same in powers of 1024: `1.952GiB`. */
export function binarySize(bytes: number, digits = 4): string {
  return scaled(bytes, 1024, binaryUnits, digits);
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return significant(value, digits) + units[unit];
}

/** As C and Go print with "%.3g": no zeros at the end, and an exponent where there are more digits before the point. */
export function significant(value: number, digits: number): string {
  const text = roundEven(value, digits).toExponential(digits - 1);
  const exponent = Number(text.slice(text.indexOf('e') + 1));
  const mantissa = String(Number(text.slice(0, text.indexOf('e'))));
  if (exponent >= -4 && exponent < digits) return String(Number(text));
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** JavaScript rounds what lies just between two numbers up; C and Go round it to the even one. */
function roundEven(value: number, digits: number): number {
  if (value === 0) return 0;
  const scale = 10 ** (digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  const scaled = value * scale;
  return Math.abs(scaled % 1) === 0.5 ? (2 * Math.round(scaled / 2)) / scale : value;
}
