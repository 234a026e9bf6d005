import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as pass } from 'node:timers/promises';
import { Turns } from './turns.ts';

test('Turns come in order for each key, and who gives up while waiting lets nobody in too early', async () => {
  const turns = new Turns();
  const came: string[] = [];
  const take = async (key: string, name: string, signal?: AbortSignal) => {
    const turn = await turns.take(key, signal);
    came.push(name);
    return turn;
  };
  const first = await take('a', 'first');
  const giving = new AbortController();
  const second = take('a', 'second', giving.signal);
  const third = take('a', 'third');
  const other = await take('b', 'other');
  giving.abort(new Error('enough'));
  await assert.rejects(second, /enough/);
  await assert.rejects(turns.take('a', giving.signal), /enough/);
  await pass();
  assert.deepEqual(came, ['first', 'other']);
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  assert.deepEqual(came, ['first', 'other', 'third']);
  other[Symbol.dispose]();
  await pass();
  assert.deepEqual([turns.isTaken('a'), turns.isTaken('b')], [false, false]);
});
