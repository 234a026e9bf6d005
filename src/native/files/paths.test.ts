import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeFiles } from '#sys/test-support/fake-files.ts';
import { rfc3339 } from '#sys/time.ts';
import { requestedPath } from './paths.ts';

const cases: [text: string, path: string, name: string, directory: boolean][] = [
  ['/', '', '/', true],
  ['/.', '', '.', true],
  ['//', '', '/', true],
  ['/a/b', 'a/b', 'b', false],
  ['/a/b/', 'a/b', 'b', true],
  ['/a/b/.', 'a/b', '.', true],
  ['/a/b/./', 'a/b', '.', true],
  ['//a//.//b', 'a/b', 'b', false],
  ['/a/../b', 'b', 'b', false],
  ['/../..', '', '/', false],
  ['/a/..', '', '/', false],
];

test('paths are cleaned by their text alone, and their ends say what is meant', () => {
  new FakeFiles().run(() => {
    for (const [text, path, name, directory] of cases)
      assert.deepEqual(requestedPath(text), { path, name, directory }, text);
  });
});

test('times of files have nanoseconds, and a year of four digits', () => {
  assert.equal(rfc3339({ seconds: 981173106, nanoseconds: 120 }), '2001-02-03T04:05:06.000000120Z');
  assert.equal(rfc3339({ seconds: -1, nanoseconds: 999999999 }), '1969-12-31T23:59:59.999999999Z');
  assert.equal(rfc3339({ seconds: 2 ** 60, nanoseconds: 0 }), '9999-12-31T23:59:59.000000000Z');
  assert.equal(rfc3339({ seconds: -(2 ** 60), nanoseconds: 0 }), '0001-01-01T00:00:00.000000000Z');
});
