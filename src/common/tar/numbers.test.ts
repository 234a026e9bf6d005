import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimal, headerNumber } from './numbers.ts';
import { paxRecords } from './pax.ts';
import { printable } from './printable.ts';
import { commaNumbers, segmentsOf, wrongSegments } from './sparse.ts';
import { paxTime, textOfTime } from './time.ts';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const field = (text: string) => headerNumber(bytes(text), 0, text.length);

test('headerNumber() takes octal digits as every writer pads them', () => {
  assert.equal(field('0000644\0'), 0o644);
  assert.equal(field('   644 \0'), 0o644);
  assert.equal(field('77777777777\0'), 0o77777777777);
  assert.equal(field('777777777777'), 0o777777777777);
  assert.equal(field('\0\0\0\0'), 0);
  assert.equal(field('        '), 0);
});

test('headerNumber() takes base 256 of both signs', () => {
  assert.equal(field('\x80\0\0\0\0\0\x01\0'), 256);
  assert.equal(field('\xff\xff\xff\xff\xff\xff\xff\xfe'), -2);
  assert.equal(field('\x80\0\0\0\0\x1f\xff\xff\xff\xff\xff\xff'), Number.MAX_SAFE_INTEGER);
});

test('headerNumber() refuses what is no number, and what a number cannot hold', () => {
  for (const text of ['0000648\0', 'x', '-1', '\x80\0\0\0\x7f\0\0\0\0\0\0\0'])
    assert.ok(Number.isNaN(field(text)), JSON.stringify(text));
});

test('decimal() takes digits alone', () => {
  assert.equal(decimal(bytes('1234')), 1234);
  for (const text of ['', '-1', '1.5', ' 1', '99999999999999999', '0'.repeat(21)])
    assert.ok(Number.isNaN(decimal(bytes(text))), text);
});

test('paxTime() counts fractions from the second below', () => {
  assert.deepEqual(paxTime(bytes('12.5')), { seconds: 12, nanoseconds: 500_000_000 });
  assert.deepEqual(paxTime(bytes('12.0000000019')), { seconds: 12, nanoseconds: 1 });
  assert.deepEqual(paxTime(bytes('-1.25')), { seconds: -2, nanoseconds: 750_000_000 });
  assert.deepEqual(paxTime(bytes('-3')), { seconds: -3, nanoseconds: 0 });
  assert.deepEqual(paxTime(bytes('-0.0000000001')), { seconds: -1, nanoseconds: 999_999_999 });
  for (const text of ['', 'x', '1.x', '.5', '--1']) assert.equal(paxTime(bytes(text)), undefined, text);
});

test('textOfTime() is what paxTime() reads', () => {
  for (const text of ['0', '1', '12.5', '-1.25', '-3', '-0.5', '1700000000.123456789'])
    assert.equal(textOfTime(paxTime(bytes(text)) ?? { seconds: 0, nanoseconds: 1 }), text);
});

test('paxRecords() parts records by their lengths', () => {
  assert.deepEqual(paxRecords(bytes('9 a=b\nc\n\n7 d=ee\n5 f=\n')), [
    { key: 'a', value: bytes('b\nc\n') },
    { key: 'd', value: bytes('ee') },
    { key: 'f', value: bytes('') },
  ]);
});

test('paxRecords() says what is wrong with a record', () => {
  const cases = {
    '6 a=b': 'longer',
    '5 a=b\n': 'newline',
    'x a=b\n': 'length',
    '4 a\n': '"="',
    '4 =\n': 'keyword',
    '0 ': 'length',
  };
  for (const [text, problem] of Object.entries(cases)) {
    const answer = paxRecords(bytes(text));
    assert.ok(typeof answer === 'string' && answer.includes(problem), `${text}: ${answer}`);
  }
});

test('wrongSegments() wants segments in order, inside the file, and as long as the data', () => {
  const map = (text: string) => segmentsOf(commaNumbers(bytes(text))) ?? [];
  assert.equal(wrongSegments(map('0,1,5,2'), 3, 10), undefined);
  assert.match(wrongSegments(map('0,6,5,2'), 8, 10) ?? '', /overlap/);
  assert.match(wrongSegments(map('5,2,0,1'), 3, 10) ?? '', /backwards/);
  assert.match(wrongSegments(map('9,2'), 2, 10) ?? '', /behind/);
  assert.match(wrongSegments(map('0,1'), 2, 10) ?? '', /hold 1 bytes/);
  assert.equal(segmentsOf([1]), undefined);
});

test('printable() shows UTF-8 as it is and escapes the rest', () => {
  assert.equal(printable(bytes('a\xc3\xa4')), 'aä');
  assert.equal(printable(bytes('a\xff\n')), 'a\\xff\\x0a');
  assert.equal(printable(bytes('\x1b[2J')), '\\x1b[2J');
});
