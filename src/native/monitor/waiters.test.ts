import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiters } from './waiters.ts';

test('Waiters tells everybody once, but who has left', () => {
  const waiters = new Waiters<number>();
  const told: string[] = [];
  const leaving = waiters.add((value) => told.push(`leaving ${value}`));
  waiters.add((value) => {
    told.push(`first ${value}`);
    // For the next, not for this one.
    waiters.add((later) => told.push(`again ${later}`));
  });
  leaving[Symbol.dispose]();
  waiters.tell(1);
  waiters.tell(2);
  waiters.tell(3);
  assert.deepEqual(told, ['first 1', 'again 2']);
});
