import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf, utf8 } from './bytes.ts';
import { door } from './door.ts';
import { Replacements } from './text.ts';

if (door) {
  const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const replaced = (replacements: Replacements, input: Uint8Array, room = 100) => {
    const output = new Uint8Array(room);
    const size = replacements.apply(input, output);
    return size < 0 ? undefined : output.subarray(0, size);
  };

  test('Replacements puts words in the place of bytes, the last that was set', () => {
    const replacements = new Replacements(new Map([[0x61, 'A']]), '?');
    replacements.set(0x62, utf8('<long word>'));
    replacements.set(0x62, utf8('<b>'));
    assert.equal(textOf(replaced(replacements, bytes('xabx')) ?? bytes('')), 'xA<b>x');
    assert.deepEqual(replaced(replacements, bytes('')), bytes(''));
  });

  test('Replacements leaves UTF-8 as it is, and what is none too where nothing stands for it', () => {
    const input = bytes('\xc3\xa9\x80\xe2\x82\xac\xff\xed\xa0\x80\xf4\x90\x80\x80\xf0\x9f\x98\x80\xe2\x82');
    assert.deepEqual(replaced(new Replacements(new Map()), input), input);
    const marked = replaced(new Replacements(new Map(), '?'), input) ?? bytes('');
    assert.equal(textOf(marked), 'é?€????????😀??');
  });

  test('Replacements says when there is no room, and writes nothing beyond it', () => {
    const replacements = new Replacements(new Map([[0x61, 'AAA']]));
    const output = new Uint8Array(8).fill(1);
    assert.equal(replacements.apply(bytes('xax'), output.subarray(0, 4)), -1);
    assert.deepEqual([...output.subarray(4)], [1, 1, 1, 1]);
    assert.equal(replacements.apply(bytes('xax'), output.subarray(0, 5)), 5);
  });
}
