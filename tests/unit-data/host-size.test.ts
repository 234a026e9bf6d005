// How much C there is: ARCHITECTURE.md says what for.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const host = resolve('host');
const LIMIT = 500;

/** All lines, comments among them. */
function lines(file: string): number {
  return readFileSync(join(host, file), 'utf8').split('\n').length - 1;
}

test('the host stays as small as it is meant to be', () => {
  const counts = readdirSync(host).map((file) => [file, lines(file)] as const);
  const sum = counts.reduce((all, [, count]) => all + count, 0);
  assert.ok(sum > 0 && sum < LIMIT, `${sum} lines: ${counts.map((pair) => pair.join(' ')).join(', ')}`);
});

test('what is added to the host for libraries that were made for glibc is nothing else', () => {
  const source = readFileSync(resolve('tools/glibc.c'), 'utf8');
  const functions = [...source.matchAll(/^[a-z][\w *]*?\**(\w+)\(/gm)].map(([, name]) => name);
  assert.deepEqual(functions, ['abort', '__vsnprintf_chk', '__snprintf_chk', '__fprintf_chk']);
});
