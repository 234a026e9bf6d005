import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader, frameOf } from './frames.ts';

const bytes = (...values: number[]) => new Uint8Array(values);

test('FrameReader finds messages however they are cut', () => {
  const stream = [...frameOf(bytes(1, 2, 3)), ...frameOf(bytes()), ...frameOf(bytes(4))];
  for (const size of [1, 2, 3, 5, stream.length]) {
    const reader = new FrameReader();
    const found: number[][] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(bytes(...stream.slice(at, at + size)));
      for (let body = reader.next(); body; body = reader.next()) found.push([...body]);
    }
    assert.deepEqual(found, [[1, 2, 3], [], [4]]);
  }
});

test('FrameReader gives what follows a message as it came', () => {
  const reader = new FrameReader();
  reader.push(bytes(...frameOf(bytes(7)), 8, 9));
  assert.deepEqual([...(reader.next() ?? [])], [7]);
  assert.deepEqual([...reader.rest()], [8, 9]);
  assert.equal(reader.rest().length, 0);
});

test('FrameReader refuses a message that is too long before it has come', () => {
  const reader = new FrameReader();
  reader.push(bytes(0x7f, 0, 0, 0));
  assert.throws(() => reader.next(), /at most 1048576 bytes/);
});
