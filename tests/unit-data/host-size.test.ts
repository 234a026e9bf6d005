// How much C there is: ARCHITECTURE.md says what for.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const host = resolve('host');
const limits = [
  { of: ['host.c', 'host.h', 'entry.c'], lines: 500 },
  { of: ['arena.c', 'snapshot.c', 'framing.c'], lines: 420 },
];

/** Lines that are neither empty nor comment. */
function codeLines(file: string): number {
  const source = readFileSync(join(host, file), 'utf8').replace(/\/\*.*?\*\//gs, '');
  return source.split('\n').filter((line) => line.trim() !== '').length;
}

test('the host stays as small as it is meant to be', () => {
  assert.deepEqual(readdirSync(host).sort(), limits.flatMap(({ of }) => of).sort());
  for (const { of, lines } of limits) {
    const counted = of.reduce((sum, file) => sum + codeLines(file), 0);
    assert.ok(counted < lines, `${of.join(', ')}: ${counted} lines of code`);
  }
});
