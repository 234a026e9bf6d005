import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf, utf8 } from './bytes.ts';
import { door } from './door.ts';
import { SystemError } from './errors.ts';
import { shareMemory, trimMemory } from './memory.ts';
import { cloneProcess, exitProcess, lendMemory, SIGKILL, sendSignal, waitForChild } from './processes.ts';
import { CLONE_PARENT, getpid } from './raw/process.ts';
import { receiveMessage, sendMessage, socketPair } from './sockets.ts';
import { sleepMilliseconds } from './time.ts';

/** These need a kernel, and so run inside the binary alone. */
const onKernel = (name: string, body: () => void) => door !== undefined && test(name, body);

/** Much that is taken and given back: every kind of block, and new pages. */
function churn(): number {
  const kept: unknown[] = [];
  for (let round = 0; round < 200; round++) {
    kept.push({ round, text: `text ${round}`.repeat(round % 50), list: Array.from({ length: round }, (_, at) => at) });
    if (round % 3 === 0) kept.splice(round % kept.length, 1);
  }
  kept.push(new Uint8Array(300_000).fill(7), new Map(kept.map((value, at) => [at, value])));
  return kept.length;
}

for (const [name, clone] of [
  ['a copy', cloneProcess],
  ['lent memory', lendMemory],
] as const) {
  onKernel(`${name}: what a child does to its memory is not seen here`, () => {
    const shared = { count: 1, list: [1, 2, 3] };
    let captured = 'before';
    for (let round = 0; round < 5; round++) {
      const child = clone({}, () => {
        shared.count = 2;
        shared.list.push(...Array.from({ length: 10_000 }, (_, at) => at));
        captured = `changed ${churn()}`;
        return captured.startsWith('changed') && shared.list.length === 10_003 ? 5 : 6;
      });
      using _pidfd = child.pidfd;
      assert.deepEqual(waitForChild(child), { code: 5 });
      assert.deepEqual(shared, { count: 1, list: [1, 2, 3] });
      assert.equal(captured, 'before');
      churn();
    }
  });

  onKernel(`${name}: a child that fails ends with status 1, and ours goes on`, () => {
    const child = clone({}, () => {
      throw new RangeError('wrong');
    });
    using _pidfd = child.pidfd;
    assert.deepEqual(waitForChild(child), { code: 1 });
  });

  onKernel(`${name}: what it sends is there, and its descriptors are its own`, () => {
    const [ours, theirs] = socketPair();
    using near = ours;
    using far = theirs;
    const child = clone({}, () => {
      near.close();
      sendMessage(far, new Uint8Array([1, 2, 3]));
      return 0;
    });
    using _pidfd = child.pidfd;
    waitForChild(child);
    assert.deepEqual([...(receiveMessage(near)?.data ?? [])], [1, 2, 3]);
  });

  onKernel(`${name}: a call that is refused leaves everything as it was`, () => {
    const before = { list: [1] };
    // CLONE_FS and CLONE_NEWNS exclude each other: clone(2).
    assert.throws(() => clone({ flags: 0x200 | 0x20000 }, () => 0), SystemError);
    assert.deepEqual(before, { list: [1] });
    churn();
  });
}

onKernel('children of children, lent and copied', () => {
  const value = { depth: 0 };
  const descend = (depth: number): number => {
    if (depth === 4) return churn() > 0 ? 40 : 0;
    value.depth = depth;
    const child = (depth % 2 === 0 ? lendMemory : cloneProcess)({}, () => descend(depth + 1));
    const { code = 0 } = waitForChild(child);
    churn();
    return value.depth === depth ? code + 1 : 0;
  };
  assert.equal(descend(0), 44);
  const lentOnly = (depth: number): number => {
    if (depth === 4) return churn() > 0 ? 40 : 0;
    value.depth = depth;
    const child = lendMemory({}, () => lentOnly(depth + 1));
    const { code = 0 } = waitForChild(child);
    churn();
    return value.depth === depth ? code + 1 : 0;
  };
  assert.equal(lentOnly(0), 44);
});

onKernel('one that is killed while it has lent its memory on takes its lender with it', () => {
  const [near, far] = socketPair();
  using ours = near;
  using theirs = far;
  const lender = cloneProcess({}, () => {
    lendMemory({}, () => {
      const between = utf8(String(getpid()));
      lendMemory({ flags: CLONE_PARENT }, () => {
        sendMessage(theirs, between);
        sleepMilliseconds(300);
        return 0;
      });
      return 0;
    });
    return 0;
  });
  using _pidfd = lender.pidfd;
  sendSignal(Number(textOf(receiveMessage(ours)?.data ?? utf8('0'))), SIGKILL);
  assert.deepEqual(waitForChild(lender), { code: 127 });
});

onKernel('memory that has been shared and trimmed is lent and copied like other memory', () => {
  // In a process of its own, which has memory in common with a child from then on.
  const parent = cloneProcess({}, () => {
    if (!shareMemory()) return 2;
    const text = 'kept'.repeat(1000);
    const child = cloneProcess({}, () => {
      churn();
      trimMemory();
      churn();
      trimMemory();
      const lent = lendMemory({}, () => exitProcess(churn() > 0 && text.length === 4000 ? 3 : 4));
      if (waitForChild(lent).code !== 3) return 5;
      const copied = cloneProcess({}, () => (churn() > 0 && text.length === 4000 ? 6 : 7));
      return waitForChild(copied).code === 6 && text === 'kept'.repeat(1000) ? 8 : 9;
    });
    return waitForChild(child).code ?? 0;
  });
  using _pidfd = parent.pidfd;
  assert.deepEqual(waitForChild(parent), { code: 8 });
});
