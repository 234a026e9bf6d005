import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { gathered } from './gathered.ts';

test('gathered() gives all bytes in order, many small pieces together', async () => {
  const pieces = Array.from({ length: 3000 }, (_, at) => Buffer.alloc(1 + (at % 900), at));
  const groups: Buffer[][] = [];
  for await (const group of gathered(Readable.from(pieces, { objectMode: false }))) groups.push(group);
  assert.deepEqual(Buffer.concat(groups.flat()), Buffer.concat(pieces));
  assert.ok(groups.length < 100, `${groups.length} groups`);
});

test('gathered() waits for no more than comes, and holds no more than a limit while nobody asks', async () => {
  const body = new PassThrough();
  const groups = gathered(body);
  body.write('one');
  assert.equal(String(Buffer.concat((await groups.next()).value as Buffer[])), 'one');
  // Nobody asks now: the stream is held up, and with it whoever writes.
  const piece = Buffer.alloc(64 << 10);
  let written = 0;
  while (written < 64 << 20 && body.write(piece)) {
    written += piece.length;
    await new Promise(setImmediate);
  }
  assert.ok(written < 2 << 20, `${written} bytes were taken`);
  body.end('last');
  let length = 0;
  for await (const group of groups) for (const part of group) length += part.length;
  assert.equal(length, written + piece.length + 4);
});

test('gathered() gives what came before a cut, and throws that then', async () => {
  const body = new PassThrough();
  const groups = gathered(body);
  body.write('before');
  const first = await groups.next();
  body.write(' it');
  await new Promise(setImmediate);
  body.destroy(new Error('cut'));
  assert.equal(String(Buffer.concat(first.value as Buffer[])), 'before');
  assert.equal(String(Buffer.concat((await groups.next()).value as Buffer[])), ' it');
  await assert.rejects(groups.next(), /cut/);
});
