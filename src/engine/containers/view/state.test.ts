import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationText } from './state.ts';

test('durationText() says times as Docker does', () => {
  const said: [number, string][] = [
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [120, '2 minutes'],
    [3600, 'About an hour'],
    [7200, '2 hours'],
    [47 * 3600, '47 hours'],
    [3 * 86_400, '3 days'],
    [15 * 86_400, '2 weeks'],
    [90 * 86_400, '3 months'],
    [800 * 86_400, '2 years'],
  ];
  for (const [seconds, text] of said) assert.equal(durationText(seconds), text);
});
