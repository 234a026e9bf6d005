import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBytes, placeOfWord, sameBytes, terminated, textOf, utf8 } from './bytes.ts';
import { door } from './door.ts';

const bytesOf = (code: number) => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);

function lengthOf(text: string): number {
  return [...text].reduce((sum, letter) => sum + bytesOf(letter.codePointAt(0) as number), 0);
}

if (door) {
  test('utf8 and textOf are inverse, also with NULs and letters beyond 16 bits', () => {
    for (const text of [
      '',
      'a',
      'naïve 😀',
      '\0',
      'a\0',
      '\0a',
      'a\0\0b\0',
      '\0'.repeat(200_000),
      'ü'.repeat(70_000),
    ]) {
      assert.equal(textOf(utf8(text)), text);
      assert.equal(utf8(text).length, lengthOf(text));
    }
    assert.equal(utf8('\ud800').length, 3);
    assert.deepEqual([...terminated('ü')], [0xc3, 0xbc, 0]);
    assert.throws(() => terminated('a\0b'), RangeError);
  });

  test('placeOfWord finds the first place from where it is asked to', () => {
    const bytes = utf8('one two one');
    assert.deepEqual(
      [0, 1, 8, 9, 11].map((from) => placeOfWord(bytes, 'one', from)),
      [0, 8, 8, -1, -1],
    );
    assert.equal(placeOfWord(bytes.subarray(4, 7), 'one'), -1);
    assert.equal(placeOfWord(new Uint8Array(), 'one'), -1);
  });

  test('sameBytes compares lengths and all bytes', () => {
    const bytes = joinBytes(new Uint8Array(5000), utf8('x'));
    assert.ok(sameBytes(bytes, bytes.slice()));
    assert.ok(!sameBytes(bytes, bytes.subarray(1)));
    assert.ok(!sameBytes(bytes, joinBytes(new Uint8Array(5000), utf8('y'))));
    assert.ok(sameBytes(new Uint8Array(), new Uint8Array()));
  });
}
