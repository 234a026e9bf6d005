import { stringifyJson } from '../json/stringify.ts';
import { templateError } from './error.ts';
import { goText, print, printf } from './print.ts';

export type TemplateFunction = (...values: unknown[]) => unknown;

/** Go: the zero value of its type counts as false. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function textArgument(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw templateError(`${name}: expected a string, got ${goText(value)}`);
}

function numberArgument(name: string, value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw templateError(`${name}: expected a number, got ${goText(value)}`);
}

function index(value: unknown, ...keys: unknown[]): unknown {
  let at = value;
  for (const key of keys) {
    if (at === null || at === undefined) throw templateError('index of untyped nil');
    if (typeof at === 'string' || Array.isArray(at)) {
      const place = numberArgument('index', key);
      if (place < 0 || place >= at.length) throw templateError(`index out of range: ${place}`);
      at = typeof at === 'string' ? at.charCodeAt(place) : at[place];
    } else if (typeof at === 'object') {
      // What a map does not hold is the zero value of its type: for almost all maps here that is the empty text.
      const name = String(key);
      at = Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : '';
    } else throw templateError(`cannot index item ${goText(at)}`);
  }
  return at;
}

function slice(value: unknown, ...places: unknown[]): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) throw templateError(`cannot slice ${goText(value)}`);
  const [from = 0, to = value.length] = places.map((place) => numberArgument('slice', place));
  if (from < 0 || to > value.length || from > to) throw templateError(`slice: index out of range: ${from}:${to}`);
  return value.slice(from, to);
}

function length(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw templateError(`len of ${goText(value)}`);
}

function equal(first: unknown, second: unknown): boolean {
  const a = first ?? null;
  const b = second ?? null;
  if (typeof a === 'object' && a !== null) throw templateError('non-comparable type in eq');
  const kindOf = (value: unknown) => (typeof value === 'bigint' ? 'number' : typeof value);
  if (a !== null && b !== null && kindOf(a) !== kindOf(b)) throw templateError('incompatible types for comparison');
  // A number and a bigint of one value are one.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  return a == b;
}

function less(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a < b;
  return numberArgument('lt', a) < numberArgument('lt', b);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '\0': '\ufffd',
};

function join(list: unknown, separator: unknown): string {
  if (list === null || list === undefined) return '';
  if (!Array.isArray(list)) throw templateError(`join: expected a list, got ${goText(list)}`);
  return list.map(goText).join(textArgument('join', separator));
}

/** Functions of Go's text/template and, below, of Docker's client. `and` and `or` are evaluated by themselves. */
export const templateFunctions: Record<string, TemplateFunction> = {
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
  len: length,
  index,
  slice,
  print: (...values) => print(values),
  println: (...values) => `${values.map(goText).join(' ')}\n`,
  printf: (format, ...values) => printf(format, values),
  html: (...values) => print(values).replace(/[&<>"'\0]/g, (character) => entities[character] as string),
  js: (...values) =>
    JSON.stringify(print(values))
      .slice(1, -1)
      .replace(/[<>&'=]/g, (c) => (c === "'" ? "\\'" : `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`)),
  urlquery: (...values) =>
    encodeURIComponent(print(values))
      .replaceAll('%20', '+')
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
  call: (called, ...values) => {
    if (typeof called !== 'function') throw templateError('call of something that is no function');
    return called(...values);
  },
  eq: (first, ...others) => {
    if (others.length === 0) throw templateError('missing argument for comparison');
    return others.some((other) => equal(first, other));
  },
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => less(a, b),
  le: (a, b) => !less(b, a),
  gt: (a, b) => less(b, a),
  ge: (a, b) => !less(a, b),

  json: (value) => stringifyJson(value ?? null),
  split: (text, separator) => textArgument('split', text).split(textArgument('split', separator)),
  join,
  title: (text) =>
    textArgument('title', text).replace(
      /(^|[^\p{L}\p{N}_'])(\p{Ll})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  lower: (text) => textArgument('lower', text).toLowerCase(),
  upper: (text) => textArgument('upper', text).toUpperCase(),
  pad: (text, before, after) => {
    const source = textArgument('pad', text);
    return source === ''
      ? ''
      : ' '.repeat(numberArgument('pad', before)) + source + ' '.repeat(numberArgument('pad', after));
  },
  truncate: (text, size) => textArgument('truncate', text).slice(0, numberArgument('truncate', size)),
};
