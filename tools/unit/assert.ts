// Stands in for node:assert/strict inside the static binary; the part of it that our tests use.
class AssertionError extends Error {}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) return `Uint8Array[${Array.from(value).join(', ')}]`;
  try {
    const text = JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
    return text ?? String(value);
  } catch {
    return String(value);
  }
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map && b instanceof Map) return same([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return same([...a], [...b]);
  const left = Object.keys(a);
  const right = Object.keys(b);
  if (left.length !== right.length) return false;
  return left.every((key) => Object.hasOwn(b, key) && same((a as never)[key], (b as never)[key]));
}

function stop(message: string | undefined, fallback: string): never {
  throw new AssertionError(message ? `${message}: ${fallback}` : fallback);
}

type Expected = RegExp | ((error: unknown) => boolean) | (new (...rest: never[]) => Error) | Record<string, unknown>;

function checkThrown(error: unknown, expected: Expected | undefined): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp) {
    if (!expected.test(String(error))) stop(undefined, `${String(error)} does not match ${expected}`);
  } else if (typeof expected === 'function') {
    const isClass = expected.prototype instanceof Error || (expected as unknown) === Error;
    const right = isClass ? error instanceof expected : (expected as (error: unknown) => boolean)(error);
    if (!right) stop(undefined, `unexpected error ${String(error)}`);
  } else {
    for (const [key, value] of Object.entries(expected)) {
      const actual = (error as Record<string, unknown>)[key];
      const right = value instanceof RegExp ? value.test(String(actual)) : same(actual, value);
      if (!right) stop(undefined, `error.${key}: expected ${show(value)}, got ${show(actual)}`);
    }
  }
}

function ok(value: unknown, message?: string): void {
  if (!value) stop(message, `expected a true value, got ${show(value)}`);
}

const assert = Object.assign(ok, {
  ok,
  equal(actual: unknown, expected: unknown, message?: string): void {
    if (!Object.is(actual, expected)) stop(message, `expected ${show(expected)}, got ${show(actual)}`);
  },
  notEqual(actual: unknown, expected: unknown, message?: string): void {
    if (Object.is(actual, expected)) stop(message, `expected another value than ${show(expected)}`);
  },
  deepEqual(actual: unknown, expected: unknown, message?: string): void {
    if (!same(actual, expected)) stop(message, `expected ${show(expected)}, got ${show(actual)}`);
  },
  match(actual: string, expected: RegExp, message?: string): void {
    if (!expected.test(actual)) stop(message, `${show(actual)} does not match ${expected}`);
  },
  throws(body: () => unknown, expected?: Expected, message?: string): void {
    let caught: unknown;
    try {
      body();
    } catch (error) {
      caught = error;
      checkThrown(caught, expected);
      return;
    }
    stop(message, 'expected an error, got none');
  },
  doesNotThrow(body: () => unknown): void {
    body();
  },
  async rejects(body: Promise<unknown> | (() => Promise<unknown>), expected?: Expected): Promise<void> {
    try {
      await (typeof body === 'function' ? body() : body);
    } catch (error) {
      checkThrown(error, expected);
      return;
    }
    stop(undefined, 'expected a rejection, got none');
  },
  fail(message?: string): never {
    stop(message, 'failed');
  },
});

export default assert;
