import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainHeaderBytes } from '#common/tar/header.ts';
import { terminated } from './bytes.ts';
import { door } from './door.ts';
import { headerBytes } from './header-bytes.ts';
import { pointer, textAt } from './library.ts';

if (door) {
  test('the host calls only functions that it lists, and as narrowly as the kernel', () => {
    assert.equal(Object.hasOwn(door, 'system'), false);
    const bytes = new Uint8Array(4);
    assert.throws(() => door.memmove(bytes, undefined as never, 4), TypeError);
    assert.throws(() => door.memmove(bytes, 'a\0b', 4), RangeError);
    assert.throws(() => door.memmove(bytes, 'ab', 1.5), RangeError);
    assert.throws(() => door.memmove(bytes, 'ab', 2, 0, 0, 0, 0, 0, 0), TypeError);
    door.memmove(bytes, 'ab', 3);
    assert.deepEqual([...bytes], [97, 98, 0, 0]);
  });

  test('textAt reads a C string', () => {
    const text = terminated('naïve');
    assert.equal(textAt(Number(pointer(text))), 'naïve');
    assert.equal(textAt(Number(pointer(text, 4))), 've');
    const long = terminated('x'.repeat(500));
    assert.equal(textAt(Number(pointer(long))), 'x'.repeat(500));
  });

  test('headerBytes adds bytes up as a loop does', () => {
    const bytes = new Uint8Array(600).map((_, at) => (at * 251) % 256);
    const full = new Uint8Array(600).fill(255);
    for (const block of [bytes, full])
      for (const [from, to] of [
        [0, 0],
        [0, 256],
        [100, 356],
        [344, 600],
      ] as const)
        assert.equal(headerBytes.sum(block, from, to), plainHeaderBytes.sum(block, from, to), `${from} to ${to}`);
  });
}
