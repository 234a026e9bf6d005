import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from './format.ts';
import { linesOf } from './ps.ts';

test('formatTable() makes columns at least 12 wide, with 3 spaces after the longest cell', () => {
  const rows = [
    ['ID', 'PID', 'OWNER'],
    ['a-long-container-name', '7', 'root'],
  ];
  assert.equal(
    formatTable(rows),
    'ID                      PID         OWNER\na-long-container-name   7           root\n',
  );
});

test('linesOf() keeps the heading and the lines of some processes', () => {
  const text = '  PID TTY\n    7 ?\n   77 pts/0\n';
  assert.equal(linesOf(text, new Set(['77'])), '  PID TTY\n   77 pts/0\n');
  assert.throws(() => linesOf('CMD\nsleep\n', new Set(['77'])), { kind: 'invalid', message: /no column PID/ });
});
