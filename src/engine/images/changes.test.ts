import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFromChanges } from './changes.ts';

test('configFromChanges() reads a health check and its options', () => {
  const line = 'HEALTHCHECK --interval=1s --timeout=1m30s --start-period=2s --start-interval=500ms --retries=5 CMD';
  const options = { Interval: 1e9, Timeout: 90e9, StartPeriod: 2e9, StartInterval: 5e8, Retries: 5 };
  assert.deepEqual(configFromChanges([`${line} ["pg_isready", "-q"]`]).Healthcheck, {
    Test: ['CMD', 'pg_isready', '-q'],
    ...options,
  });
  assert.deepEqual(configFromChanges([`${line} pg_isready || exit 1`]).Healthcheck, {
    Test: ['CMD-SHELL', 'pg_isready || exit 1'],
    ...options,
  });
  assert.deepEqual(configFromChanges(['HEALTHCHECK NONE']).Healthcheck, { Test: ['NONE'] });
});

for (const [line, problem] of [
  ['HEALTHCHECK', 'is not supported'],
  ['HEALTHCHECK true', 'expected NONE, or options and CMD'],
  ['HEALTHCHECK --interval=1s NONE', 'expected NONE, or options and CMD'],
  ['HEALTHCHECK --every=1s CMD true', 'expected one of --interval='],
  ['HEALTHCHECK --interval=1 CMD true', 'invalid duration "1"'],
  ['HEALTHCHECK --interval=1us CMD true', 'at least 1 ms'],
  ['HEALTHCHECK --retries=few CMD true', 'Retries'],
  ['HEALTHCHECK CMD [1]', 'expected a list of strings'],
] as const) {
  test(`configFromChanges() refuses "${line}"`, () => {
    const message = (error: unknown): string =>
      error instanceof Error ? `${error.message} ${message(error.cause)}` : '';
    assert.throws(
      () => configFromChanges([line]),
      (error) => message(error).includes(problem) && message(error).includes(line),
    );
  });
}
