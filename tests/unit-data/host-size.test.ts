// How much C there is: ARCHITECTURE.md says what for.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const host = resolve('host');
const LIMIT = 500;

/** Lines that are neither empty nor comment. */
function codeLines(file: string): number {
  const source = readFileSync(join(host, file), 'utf8').replace(/\/\*.*?\*\//gs, '');
  return source.split('\n').filter((line) => line.trim() !== '').length;
}

test('the host stays as small as it is meant to be', () => {
  const counts = readdirSync(host).map((file) => [file, codeLines(file)] as const);
  const sum = counts.reduce((all, [, count]) => all + count, 0);
  assert.ok(sum > 0 && sum < LIMIT, `${sum} lines of code: ${counts.map((pair) => pair.join(' ')).join(', ')}`);
});
