import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recoveries } from './recoveries.ts';

test('Recoveries tries again later each time, and anew after a success or a time that was well', () => {
  let now = 0;
  let pid = 0;
  const begun: string[] = [];
  const recoveries = new Recoveries(() => now);
  const begin = () =>
    recoveries.begin((id, failures) => {
      begun.push(`${id} ${failures}`);
      return ++pid;
    });
  recoveries.add('a');
  recoveries.add('a');
  begin();
  begin();
  assert.deepEqual(begun, ['a 0']);
  assert.equal(recoveries.wait, -1);
  const waits = [];
  for (let count = 0; count < 12; count++) {
    recoveries.ended(pid, false);
    // Looking again does not make it sooner.
    recoveries.add('a');
    begin();
    waits.push(recoveries.wait);
    now += recoveries.wait;
    begin();
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
  now += 10_000;
  recoveries.ended(pid, false);
  assert.equal(recoveries.wait, 100);
  now += 100;
  begin();
  recoveries.ended(pid, true);
  assert.equal(recoveries.wait, -1);
  recoveries.add('a');
  begin();
  assert.equal(begun.at(-1), 'a 0');
});
