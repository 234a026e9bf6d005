import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millisecondsFromDuration } from './duration.ts';

test('millisecondsFromDuration() adds up numbers with units', () => {
  const known: [string, number][] = [
    ['5s', 5000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250us', 0.25],
  ];
  for (const [text, milliseconds] of known) assert.equal(millisecondsFromDuration(text), milliseconds, text);
});

test('millisecondsFromDuration() rejects what has no unit, or no number', () => {
  for (const text of ['', '5', 's', '-5s', '5 s', '5d', '1..5s'])
    assert.equal(millisecondsFromDuration(text), undefined, text);
});
