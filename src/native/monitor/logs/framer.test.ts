import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf, utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import { CriFormat, JsonFileFormat } from './format.ts';
import { Framer, PIECE } from './framer.ts';
import { expectedRecords, type Given } from './test-support/records.ts';

const time = '2026-01-02T03:04:05.000000006Z';
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const given = (format: Given['format'], flush: boolean): Given => ({
  format,
  flush,
  piece: PIECE,
  time,
  stream: 'stdout',
});

/** All records of `input`, each call with room for `room` bytes, and where what waits begins. */
function framed(input: Uint8Array, { format, flush, time, stream }: Given, room: (round: number) => number) {
  const framer = new Framer(format === 'cri' ? new CriFormat() : new JsonFileFormat());
  framer.mark(time, stream);
  const all: number[] = [];
  let from = 0;
  for (let round = 0; ; round++) {
    const space = room(round);
    const records = framer.frame(input, { from, to: input.length, room: space, flush });
    assert.ok(records.length <= space, `${records.length} bytes in a room of ${space}`);
    assert.equal(records.length > 0, framer.consumed > 0);
    for (const byte of records) all.push(byte);
    from += framer.consumed;
    if (framer.consumed === 0 && !framer.full) return { all, from };
    if (from === input.length) return { all, from };
  }
}

// How bytes become text is the host's matter, so these run inside the binary alone.
if (door) {
  const ample = (_round: number) => 1e6;

  function compare(input: Uint8Array, settings: Given, room = ample): void {
    const { records, rest } = expectedRecords(input, settings);
    const { all, from } = framed(input, settings, room);
    assert.equal(from, rest, JSON.stringify([settings, [...input.subarray(0, 200)]]));
    assert.equal(textOf(Uint8Array.from(all)), textOf(Uint8Array.from(records.flat())));
    assert.deepEqual(all.length, records.flat().length);
  }

  test('Framer makes of any bytes the records that a loop over them makes', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const favourites = [0x0a, 0x0a, 0x22, 0x5c, 0x6e, 0x74, 0x80, 0xa8, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0x61, 9, 8];
    const texts = ['a\n', '\\n', '"\\"', 'é', '€\n', '😀', '\u2028', '\ufffd', '<&>', '\t\b\f\r\0', '\\\\n'];
    for (let round = 0; round < 1500; round++) {
      const pieces: number[] = [];
      // Text, bytes that are none, and both.
      const kind = random(3);
      for (let count = random(60); count > 0; count--) {
        if (kind === 0 || (kind === 2 && random(2) === 0)) pieces.push(...utf8(texts[random(texts.length)] as string));
        else pieces.push(random(2) === 0 ? random(256) : (favourites[random(favourites.length)] as number));
      }
      const settings = given(random(2) === 0 ? 'cri' : 'json-file', random(2) === 0);
      compare(Uint8Array.from(pieces), settings, random(2) === 0 ? ample : (call) => 90 + 400 * (call % 3));
    }
  });

  test('Framer parts long lines, among short ones and over many bytes', () => {
    const euro = '\xe2\x82\xac';
    for (const format of ['cri', 'json-file'] as const)
      for (const flush of [false, true])
        for (const length of [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1])
          for (const end of ['', '\n', `${euro}\n`, `\nshort\n${euro}\nrest`])
            compare(bytes(`short\n${'x'.repeat(length)}${end}`), given(format, flush));
    compare(bytes(`${euro.repeat(20_000)}\n`), given('json-file', false));
    compare(bytes('\x80'.repeat(PIECE + 5)), given('json-file', true));
    compare(bytes('a\n'.repeat(30_000)), given('json-file', false));
  });

  test('Framer stops before a record that has no room, and says so', () => {
    const framer = new Framer(new CriFormat());
    framer.mark(time, 'stdout');
    const line = `${time} stdout F ab\n`;
    const frame = (room: number) => framer.frame(bytes('ab\ncd\n'), { from: 0, to: 6, room, flush: false }).length;
    assert.deepEqual([frame(2 * line.length), framer.consumed, framer.full], [2 * line.length, 6, false]);
    assert.deepEqual([frame(2 * line.length - 1), framer.consumed, framer.full], [line.length, 3, true]);
    assert.deepEqual([frame(line.length - 1), framer.consumed, framer.full], [0, 0, true]);
  });

  test('json-file is escaped as Docker escapes it', () => {
    const framer = new Framer(new JsonFileFormat());
    framer.mark(time, 'stdout');
    const escaped = (text: string) =>
      textOf(framer.record(bytes(text), false))
        .slice(8)
        .split('","stream')[0];
    assert.equal(escaped('a"b\\c\r\t\0\x1f\x7f'), 'a\\"b\\\\c\\r\\u0009\\u0000\\u001f\x7f');
    assert.equal(escaped('<a>&'), '\\u003ca\\u003e\\u0026');
    assert.equal(escaped('\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa'), 'é\\u2028\\u2029\u202a');
    const wrong = '\\ufffd';
    assert.equal(escaped('\x80\xff'), wrong.repeat(2));
    assert.equal(escaped('\xed\xa0\x80'), wrong.repeat(3));
    assert.equal(escaped('\xed\xa0\xbd\xed\xb8\x80'), wrong.repeat(6));
    assert.equal(escaped('\xc0\xaf'), wrong.repeat(2));
    assert.equal(escaped('\xf4\x90\x80\x80'), wrong.repeat(4));
    assert.equal(escaped('\xef\xbf\xbd\xe2\x82'), `\ufffd${wrong.repeat(2)}`);
  });
}
