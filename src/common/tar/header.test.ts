import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at as field } from './format.ts';
import { plainHeaderBytes, signedChecksum, usual, usualNumbers } from './header.ts';
import { headerNumber } from './numbers.ts';
import { TarReader } from './reader.ts';
import { archive, bytesOf, header } from './test-support/archive.ts';

const reader = (bytes: Uint8Array) => {
  let at = 0;
  return new TarReader((into) => {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    at += part.length;
    return part.length;
  });
};

/** A header of which some bytes are replaced, with a checksum that is right again unless it is among them. */
function changed(place: number, text: string): Uint8Array {
  const block = header({ name: 'file', mode: 0o640, uid: 1000, gid: 100, mtime: 1234567890 });
  block.set(bytesOf(text), place);
  if (place === field.checksum) return block;
  const sum = block.reduce((all, byte, index) => all + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  block.set(bytesOf(`${sum.toString(8).padStart(6, '0')}\0 `), field.checksum);
  return block;
}

test('the usual form of numbers says what each field says, and nothing else has that form', () => {
  for (const [place, text] of [
    [field.uid, '0001750\0'],
    [field.uid, '0001750 '],
    [field.mode, '0000640\0'],
    [field.mtime, '11145401322 '],
  ] as const) {
    const block = changed(place, text);
    const numbers = usualNumbers(block, 0, plainHeaderBytes);
    assert.ok(numbers, text);
    for (const name of ['mode', 'uid', 'gid'] as const)
      assert.equal(Number.parseInt(numbers[usual[name]] as string, 8), headerNumber(block, field[name], 8), name);
    for (const name of ['size', 'mtime'] as const)
      assert.equal(Number.parseInt(numbers[usual[name]] as string, 8), headerNumber(block, field[name], 12), name);
  }
  for (const [place, text] of [
    [field.uid, '001750 \0'],
    [field.uid, '   1750 '],
    [field.uid, '00017500'],
    [field.uid, '0001790\0'],
    [field.mode, '000640 0'],
    [field.size, '\x80\0\0\0\0\0\0\0\0\0\0\x01'],
    [field.mtime, '111454013220'],
  ] as const)
    assert.equal(usualNumbers(changed(place, text), 0, plainHeaderBytes), null, JSON.stringify(text));
});

test('a header is read the same whether its numbers have the usual form or not', () => {
  const usually = reader(archive(changed(field.uid, '0001750\0'))).next();
  for (const text of ['001750 \0', '   1750 ', '  01750\0', '\x80\0\0\0\0\0\x03\xe8'])
    assert.deepEqual(reader(archive(changed(field.uid, text))).next(), usually, JSON.stringify(text));
});

test('a checksum is octal', () => {
  const block = changed(field.uid, '0001750\0');
  const sum = signedChecksum(block, 0);
  const inBinary = `\x80\0\0\0\0\0${String.fromCharCode(sum >> 8, sum & 0xff)}`;
  assert.throws(() => reader(archive(changed(field.checksum, inBinary))).next(), /checksum/);
  const zeros = new Uint8Array(512);
  zeros[field.checksum] = 0x80;
  assert.throws(() => reader(archive(zeros, zeros)).next(), /checksum/);
});
