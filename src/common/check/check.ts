// The few kinds of check that the tables of the configuration are made of. A check answers nothing when the value is
// right and what it expected when not; the path of a fault is put together only on the way back from one, so that a
// right document pays nothing for it. Optional fields that are null, or strings that are empty, are deleted: callers
// written in Go write both for "absent".
import { type FailureKind, ProaError } from '#common/errors.ts';

/** What was expected, such as `an integer`; a Fault when more is known. */
export type Problem = string | Fault | undefined;
export type Check = (value: unknown) => Problem;
/** Without a prototype, since a document may have a field called `constructor`. */
export type Fields = { __proto__: null; [name: string]: Check | null };

const empty = 'a non-empty string';

export class Fault {
  path: string;
  readonly text: string;
  readonly kind: FailureKind;
  /** JSON.parse has rounded this integer: read again with the exact parser. */
  readonly rounded: boolean;

  constructor(path: string, text: string, { kind = 'invalid' as FailureKind, rounded = false } = {}) {
    this.path = path;
    this.text = text;
    this.kind = kind;
    this.rounded = rounded;
  }

  toError(): ProaError {
    return new ProaError(`${this.path}: ${this.text}`, { kind: this.kind });
  }
}

/** `.name`, `[3]` or `["any key"]`. */
export function segment(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The fault in the field or item `key` of a value, of which `value` is the content. */
export function locate(problem: string | Fault, key: string | number, value: unknown): Fault {
  if (typeof problem !== 'string') {
    problem.path = segment(key) + problem.path;
    return problem;
  }
  const rounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return new Fault(segment(key), `expected ${problem}, got ${show(value)}`, { rounded });
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** `rule` sees the object after its fields have been found right. Unknown fields are ignored: config.md, "Extensibility". */
export function object<T>(fields: Fields, required: readonly string[], rule?: (value: T) => Problem): Check {
  // A table that was put together of others may have a prototype all the same.
  const known: Fields = Object.assign(Object.create(null), fields);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an object';
    const record = value as Record<string, unknown>;
    for (const key in record) {
      const check = known[key];
      if (!check) continue;
      const field = record[key];
      const problem = field === null ? empty : check(field);
      if (problem === undefined) continue;
      if (problem !== empty) return locate(problem, key, field);
      delete record[key];
    }
    for (const key of required) if (record[key] === undefined) return new Fault(segment(key), 'missing');
    return rule?.(value as T);
  };
}

export function list(item: Check, least = 0): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'an array';
    if (value.length < least) return 'at least one item';
    for (let index = 0; index < value.length; index++) {
      const problem = item(value[index]);
      if (problem !== undefined) return locate(problem, index, value[index]);
    }
  };
}

/** An object used as a table; its keys must match `keys`. */
export function map(item: Check, keys = /^[^\0]+$/, key = 'a name'): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an object';
    const record = value as Record<string, unknown>;
    for (const name in record) {
      if (!keys.test(name)) return new Fault(segment(name), `expected ${key} as key`);
      const problem = record[name] === null ? empty : item(record[name]);
      if (problem === undefined) continue;
      if (problem !== empty) return locate(problem, name, record[name]);
      delete record[name];
    }
  };
}

/** An integer as a number. */
export function integer(least: number, most: number): Check {
  return (value) => {
    if (typeof value !== 'bigint' && !Number.isInteger(value)) return 'an integer';
    if (typeof value === 'bigint' || (value as number) < least || (value as number) > most)
      return `an integer from ${least} to ${most}`;
  };
}

/** An integer as a number or, beyond 2^53, a bigint. */
function wide(least: bigint, most: bigint): Check {
  return (value) => {
    if (Number.isSafeInteger(value) && ((value as number) >= 0 || least < 0n)) return;
    if (typeof value !== 'bigint' && !Number.isInteger(value)) return 'an integer';
    if (typeof value !== 'bigint' || value < least || value > most) return `an integer from ${least} to ${most}`;
  };
}

export const uint16 = integer(0, 0xffff);
export const uint32 = integer(0, 0xffffffff);
/** Of a user or group. The next one means that nothing is to be changed: setresuid(2). */
export const id = integer(0, 0xfffffffe);
export const int64 = wide(-(1n << 63n), (1n << 63n) - 1n);
export const uint64 = wide(0n, (1n << 64n) - 1n);

export const boolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

/** A string as the kernel takes it. */
export const text: Check = (value) => {
  if (typeof value !== 'string') return 'a string';
  if (value === '') return empty;
  return value.includes('\0') ? 'a string without NUL' : undefined;
};

export const absolute: Check = (value) => {
  const problem = text(value);
  return problem === undefined && (value as string).charCodeAt(0) !== 47 ? 'an absolute path' : problem;
};

/** As `text`, but may be empty. */
export const content: Check = (value) => (value === '' ? undefined : text(value));

export const texts = textList(0);
export const someTexts = textList(1);

// Most of what a configuration holds, so without a call per string.
function textList(least: number): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'an array';
    if (value.length < least) return 'at least one item';
    for (let index = 0; index < value.length; index++) {
      const item = value[index];
      if (typeof item !== 'string' || item.includes('\0')) return locate(content(item) ?? '', index, item);
    }
  };
}

/** One of the words that begin with `prefix` and end with one of `endings`, which are separated by spaces. */
export function word(what: string, prefix: string, endings: string): Check {
  let known: string[] | undefined;
  return (value) => {
    known ??= endings.split(' ').map((ending) => prefix + ending);
    if (known.includes(value as string)) return;
    return value === '' ? empty : `${what} (${known.join(', ')})`;
  };
}

export function matching(pattern: RegExp, what: string): Check {
  return (value) => {
    if (typeof value === 'string' && pattern.test(value)) return;
    return value === '' ? empty : what;
  };
}

/** A field that is not built yet, whatever it holds. */
export const refused: Check = () => new Fault('', 'not supported', { kind: 'unsupported' });

/** The same, but an empty value asks for nothing and counts as absent. */
export const refusedUnlessEmpty: Check = (value) => {
  const asksNothing = value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return asksNothing ? empty : refused(value);
};

/** A rule for object(): one of two fields must be there. */
export function either(first: string, second: string): (value: Record<string, unknown>) => Problem {
  return (value) =>
    value[first] === undefined && value[second] === undefined
      ? new Fault(segment(first), `missing, and so is ${second}: one of them is needed`)
      : undefined;
}
