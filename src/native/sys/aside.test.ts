import assert from 'node:assert/strict';
import { test } from 'node:test';
import { door } from './door.ts';
import { EBADF } from './errno.ts';
import { owned } from './fd.ts';
import { openFile, tryLockFile } from './files.ts';
import { exitProcess, lendMemory, waitForChild } from './processes.ts';
import { LOCK_EX, MFD_CLOEXEC, memfd_create } from './raw/file.ts';
import * as NR from './raw/generated/numbers.ts';

/** Two that lock the same file, of which the first has the lock. */
function contend() {
  using file = owned(memfd_create('proa-aside', MFD_CLOEXEC), 'memfd_create');
  const path = `/proc/self/fd/${file.number}`;
  const [first, second] = [openFile(path), openFile(path)];
  assert.ok(tryLockFile(first, 'first'));
  return { first, second };
}

/** It waits aside while the lock is given up here. */
function waitAside(): number {
  const { first, second } = contend();
  using waiting = second;
  door.aside(NR.flock, waiting.number, LOCK_EX);
  first.close();
  return door.aside();
}

if (door !== undefined) {
  test('a call aside waits while its caller goes on', () => {
    for (let count = 0; count < 100; count++) assert.equal(waitAside(), 0);
  });

  test('a call aside answers with its error, and begins only when the one before has ended', () => {
    door.aside(NR.flock, 9999, LOCK_EX);
    assert.equal(door.aside(), -EBADF);
    const { first, second } = contend();
    using waiting = second;
    door.aside(NR.flock, waiting.number, LOCK_EX);
    first.close();
    door.aside(NR.flock, 9999, LOCK_EX);
    assert.equal(door.aside(), -EBADF);
    const { first: third, second: fourth } = contend();
    assert.equal(tryLockFile(fourth, 'fourth'), false);
    third.close();
    fourth.close();
  });

  test('a call aside works in lent memory too, and one that is under way ends with its process', () => {
    const child = lendMemory({}, () => exitProcess(waitAside() === 0 ? 5 : 6));
    child.pidfd.close();
    assert.deepEqual(waitForChild(child), { code: 5 });
    const ending = lendMemory({}, () => {
      const { second } = contend();
      door.aside(NR.flock, second.number, LOCK_EX);
      return 7;
    });
    ending.pidfd.close();
    assert.deepEqual(waitForChild(ending), { code: 7 });
    assert.equal(waitAside(), 0);
  });
}
