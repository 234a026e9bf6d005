import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';

/** Reads one parameter; `name` is for messages. Throws `invalid`. */
export type Parameter<T> = (values: string[], name: string) => T;
export type QueryShape = Record<string, Parameter<unknown>>;
export type QueryOf<Q extends QueryShape> = { [name in keyof Q]: ReturnType<Q[name]> };

/** Reads what a table says. Parameters that it does not name are ignored, as Docker does. */
export function readQuery<Q extends QueryShape>(shape: Q, search: URLSearchParams): QueryOf<Q> {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(shape)) found[name] = shape[name]?.(search.getAll(name), name);
  return found as QueryOf<Q>;
}

/** Docker's: nothing, `0`, `no`, `false` and `none` are false. */
export function flag(otherwise = false): Parameter<boolean> {
  return ([value]) => (value === undefined ? otherwise : isTrue(value));
}

function isTrue(value: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes(value.toLowerCase());
}

export const text: Parameter<string | undefined> = ([value]) => (value === '' ? undefined : value);

export const texts: Parameter<string[]> = (values) => values.filter((value) => value !== '');

export function required(values: string[], name: string): string {
  const [value] = values;
  if (value) return value;
  throw new ProaError(`bad parameter: ${name} is missing`, { kind: 'invalid' });
}

export function integer({ least = 0, most = Number.MAX_SAFE_INTEGER } = {}): Parameter<number | undefined> {
  return ([value], name) => {
    if (value === undefined || value === '') return undefined;
    const number = Number(value);
    if (/^-?\d+$/.test(value) && number >= least && number <= most) return number;
    throw new ProaError(`bad parameter: ${name}: expected an integer from ${least} to ${most}, got "${value}"`, {
      kind: 'invalid',
    });
  };
}

/** Seconds since 1970 with a fraction, or RFC 3339. Answers nanoseconds. */
export const moment: Parameter<bigint | undefined> = ([value], name) => {
  if (value === undefined || value === '' || value === '0') return undefined;
  const [, seconds, fraction = ''] = /^(\d+)(?:\.(\d{1,9}))?$/.exec(value) ?? [];
  if (seconds !== undefined) return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds))
    throw new ProaError(`bad parameter: ${name}: expected a time, got "${value}"`, { kind: 'invalid' });
  const [, digits = ''] = /\.(\d{1,9})/.exec(value) ?? [];
  return BigInt(Math.floor(milliseconds / 1000)) * 1_000_000_000n + BigInt(digits.padEnd(9, '0') || 0);
};

/** A parameter that is not honoured yet. Throws `unsupported` where it asks for something. */
export function notYet(values: string[], name: string): undefined {
  if (values.every((value) => value === '[]' || !isTrue(value))) return undefined;
  throw new ProaError(`parameter ${name} is not supported`, { kind: 'unsupported' });
}

/** JSON in a parameter. */
export const json: Parameter<unknown> = ([value], name) => {
  if (value === undefined || value === '') return undefined;
  try {
    return parseJson(value);
  } catch (cause) {
    throw new ProaError(`bad parameter: ${name}`, { kind: 'invalid', cause });
  }
};

export type Filters<Name extends string> = { [name in Name]?: string[] };

/**
 * What a list is to show: JSON, for each name the values of which one has to fit, as a list or as an object. Throws
 * `invalid` for a name that this list does not know.
 */
export function filters<Name extends string>(...names: Name[]): Parameter<Filters<Name>> {
  return (values, name) => {
    const value = json(values, name);
    if (value === undefined || value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw invalidFilter();
    const found: Filters<Name> = {};
    for (const [key, wanted] of Object.entries(value)) {
      if (!names.includes(key as Name)) throw invalidFilter(key);
      found[key as Name] = valuesOf(wanted);
    }
    return found;
  };
}

function valuesOf(wanted: unknown): string[] {
  if (Array.isArray(wanted) && wanted.every((one) => typeof one === 'string')) return wanted;
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) throw invalidFilter();
  return Object.entries(wanted)
    .filter(([, on]) => on !== false)
    .map(([one]) => one);
}

function invalidFilter(name?: string): ProaError {
  return new ProaError(name === undefined ? 'invalid filter' : `invalid filter '${name}'`, { kind: 'invalid' });
}

/** `true`, `false` and the like of a filter that is one or the other; undefined where it is not given. */
export function filterFlag(values: string[] | undefined, name: string): boolean | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const [value = ''] = values;
  if (['true', '1', 't'].includes(value.toLowerCase())) return true;
  if (['false', '0', 'f'].includes(value.toLowerCase())) return false;
  throw new ProaError(`invalid filter '${name}=[${values.join(' ')}]'`, { kind: 'invalid' });
}

/** Whether labels fit every one of `name`, `name=value`. */
export function fitsLabels(labels: Record<string, string> = {}, wanted: readonly string[] = []): boolean {
  return wanted.every((text) => {
    const equals = text.indexOf('=');
    if (equals < 0) return Object.hasOwn(labels, text);
    return labels[text.slice(0, equals)] === text.slice(equals + 1);
  });
}
