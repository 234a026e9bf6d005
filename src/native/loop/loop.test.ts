import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childExit, every, onSignals, sleep } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import { pipe } from '#sys/fd.ts';
import { readAll, writeAll } from '#sys/files.ts';
import { cloneProcess } from '#sys/processes.ts';
import { getpid, kill } from '#sys/raw/process.ts';
import { SHUT_WR, shutdown } from '#sys/raw/wait.ts';
import { blockSignals } from '#sys/signals.ts';
import { receiveMessage, sendMessage, socketPair } from '#sys/sockets.ts';
import { monotonicMicroseconds } from '#sys/time.ts';

/** These need a kernel, and so run inside the binary alone. */
const onKernel = (name: string, body: () => void) => door !== undefined && test(name, body);

onKernel('Loop.run() returns what main resolves to, and throws what it rejects with', () => {
  using loop = new Loop();
  assert.equal(
    loop.run(async () => 7),
    7,
  );
  assert.throws(
    () =>
      loop.run(async () => {
        throw new RangeError('no');
      }),
    RangeError,
  );
});

onKernel('Loop.run() refuses to wait for ever for nothing', () => {
  using loop = new Loop();
  assert.throws(() => loop.run(() => new Promise<void>(() => {})), /nothing will bring/);
});

onKernel('Loop.ready() resolves when the other end writes, and when it closes', () => {
  using loop = new Loop();
  const [readEnd, writeEnd] = pipe();
  using input = readEnd;
  const seen: string[] = [];
  loop.run(async () => {
    const first = loop.ready(input.number, 'readable').then(() => seen.push('ready'));
    writeAll(writeEnd.number, 'abc');
    await first;
    writeEnd.close();
    await loop.ready(input.number, 'readable');
  });
  assert.deepEqual(seen, ['ready']);
  assert.equal(textOf(readAll(input.number)), 'abc');
});

onKernel('Loop.later() runs what is left to do once everybody waits, before it waits too', () => {
  const failures: unknown[] = [];
  using loop = new Loop({ failed: (error) => failures.push(error) });
  const seen: string[] = [];
  loop.run(async () => {
    loop.later(() => {
      seen.push('later');
      loop.later(() => seen.push('still later'));
      throw new RangeError('no');
    });
    await Promise.resolve();
    seen.push('first');
    await sleep(loop, 1);
    seen.push('last');
  });
  assert.deepEqual(seen, ['first', 'later', 'still later', 'last']);
  assert.equal(failures.length, 1);
});

onKernel('sleep() lasts its time, and every() ticks until disposed', () => {
  using loop = new Loop();
  const before = monotonicMicroseconds();
  let ticks = 0;
  loop.run(async () => {
    using _ticker = every(loop, 5, () => {
      ticks++;
    });
    await sleep(loop, 40);
  });
  assert.ok(monotonicMicroseconds() - before >= 40_000);
  assert.ok(ticks >= 2 && ticks <= 8, `${ticks} ticks`);
  const after = ticks;
  loop.run(() => sleep(loop, 15));
  assert.equal(ticks, after);
});

onKernel('onSignals() hears signals as data', () => {
  using loop = new Loop();
  blockSignals([10]);
  const heard: number[] = [];
  loop.run(async () => {
    using _signals = onSignals(loop, [10], (signal) => heard.push(signal));
    kill(getpid(), 10);
    await sleep(loop, 5);
  });
  assert.deepEqual(heard, [10]);
});

onKernel('childExit() tells status and signal', () => {
  using loop = new Loop();
  const quick = cloneProcess({}, () => 3);
  assert.deepEqual(
    loop.run(() => childExit(loop, quick)),
    { code: 3 },
  );
  const slow = cloneProcess({}, () => {
    const [readEnd] = pipe();
    readAll(readEnd.number);
    return 0;
  });
  const reason = loop.run(async () => {
    const end = childExit(loop, slow);
    await sleep(loop, 5);
    kill(slow.pid, 15);
    return end;
  });
  assert.deepEqual(reason, { signal: 15 });
});

onKernel('sendMessage() passes descriptors beside bytes', () => {
  const [a, b] = socketPair();
  const [readEnd, writeEnd] = pipe();
  sendMessage(a, utf8('take'), [writeEnd.number]);
  writeEnd.close();
  const received = receiveMessage(b);
  assert.equal(textOf(received?.data ?? new Uint8Array()), 'take');
  const passed = received?.fds[0];
  assert.ok(passed);
  writeAll(passed?.number ?? -1, 'through');
  passed?.close();
  assert.equal(textOf(readAll(readEnd.number)), 'through');
  for (const fd of [a, b, readEnd]) fd.close();
});

onKernel('Loop.watch() tells that the other side is gone, not that it has only ended its sending', () => {
  using loop = new Loop();
  const [ours, theirs] = socketPair();
  using kept = ours;
  let gone = false;
  using _watch = loop.watch(kept.number, 'gone', () => {
    gone = true;
  });
  shutdown(theirs.number, SHUT_WR);
  loop.turn(0);
  assert.equal(gone, false);
  theirs.close();
  loop.turn(0);
  assert.equal(gone, true);
});

onKernel('Loop.turn() hands errors to the one who wants them, and goes on', () => {
  const failures: unknown[] = [];
  using loop = new Loop({ failed: (error) => failures.push(error) });
  const [readEnd, writeEnd] = pipe();
  using input = readEnd;
  writeEnd.close();
  let heard = 0;
  using _first = loop.watch(input.number, 'readable', () => {
    throw new RangeError('no');
  });
  using _second = loop.watch(input.number, 'readable', () => heard++);
  loop.turn(0);
  assert.equal(failures.length, 1);
  assert.equal(heard, 1);
});

onKernel('Loop.run() says once that it is idle, when nothing has happened for a second', () => {
  let idle = 0;
  using loop = new Loop({ idle: () => idle++ });
  loop.run(() => sleep(loop, 2300));
  assert.equal(idle, 1);
});
