import assert from 'node:assert/strict';
import { test } from 'node:test';
import { door } from './door.ts';
import { pipe } from './fd.ts';
import { readAll } from './files.ts';
import { Mutex } from './mutex.ts';
import { cloneProcess, waitForChild } from './processes.ts';

/** These need a kernel, and so run inside the binary alone. */
const onKernel = (name: string, body: () => void) => door !== undefined && test(name, body);

onKernel('Mutex is held by one process at a time, and ends with it', () => {
  using mutex = new Mutex();
  const [said, sayTo] = pipe();
  const [held, holdOn] = pipe();
  const child = cloneProcess({}, () => {
    holdOn.close();
    const mine = mutex.tryTake();
    sayTo.close();
    readAll(held.number);
    return mine ? 0 : 1;
  });
  sayTo.close();
  readAll(said.number);
  assert.equal(mutex.tryTake(), false);
  holdOn.close();
  mutex.take();
  assert.deepEqual(waitForChild(child), { code: 0 });
  const other = cloneProcess({}, () => (mutex.tryTake() ? 0 : 1));
  assert.deepEqual(waitForChild(other), { code: 1 });
  mutex.release();
  const last = cloneProcess({}, () => (mutex.tryTake() ? 0 : 1));
  assert.deepEqual(waitForChild(last), { code: 0 });
  for (const fd of [said, held, child.pidfd, other.pidfd, last.pidfd]) fd.close();
});
