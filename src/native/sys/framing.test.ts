import assert from 'node:assert/strict';
import { test } from 'node:test';
import { door } from './door.ts';
import { gzip, gzipRoom } from './gzip.ts';
import { frame } from './test-support/frame.ts';

/** What the job and the output are after framing `input` by one implementation. */
function framed(
  implementation: typeof frame,
  settings: Partial<Record<keyof typeof places, number>>,
  input: Uint8Array,
) {
  const dressing = Uint8Array.from('<F \n<P |\n', (letter) => letter.charCodeAt(0));
  const job = new Uint32Array(13);
  const given = { to: input.length, room: 4096, piece: 16, before: 3, after: 1, pieceBefore: 3, ...settings };
  for (const [name, value] of Object.entries(given)) job[places[name as keyof typeof places]] = value;
  const output = new Uint8Array(4096);
  implementation(job, input, output, dressing);
  return { job: [...job], output, text: String.fromCharCode(...output.subarray(0, job[11])) };
}

const places = { from: 0, to: 1, at: 2, room: 3, piece: 4, before: 5, after: 6, pieceBefore: 7, escaped: 8, flush: 9 };

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const implementations: [string, typeof frame][] = [['the reference', frame]];
if (door) implementations.push(['the host', (...args) => door.frame(...args)]);

for (const [name, implementation] of implementations) {
  const run = (settings: Parameters<typeof framed>[1], input: string) => framed(implementation, settings, bytes(input));

  test(`${name} frames whole lines and lets the rest wait`, () => {
    const { text, job } = run({}, 'ab\n\nrest');
    assert.equal(text, '<F ab\n<F \n');
    assert.deepEqual(job.slice(10), [4, 10, 0]);
    assert.equal(run({ flush: 1 }, 'ab\nrest').text, '<F ab\n<P rest|\n');
  });

  test(`${name} parts long lines, and not one that just fits`, () => {
    const letters = 'abcdefghijklmnop';
    assert.equal(run({}, `${letters}\n`).text, `<F ${letters}\n`);
    assert.equal(run({}, letters).text, '');
    assert.equal(run({}, `${letters}q`).text, `<P ${letters}|\n`);
    assert.equal(run({}, `${letters}q\n`).text, `<P ${letters}|\n<F q\n`);
  });

  test(`${name} stops before a record that does not fit`, () => {
    const { text, job } = run({ room: 11 }, 'ab\ncd\n');
    assert.equal(text, '<F ab\n');
    assert.deepEqual(job.slice(10), [3, 6, 1]);
    assert.deepEqual(run({ room: 5 }, 'ab\n').job.slice(10), [0, 0, 1]);
    assert.deepEqual(run({ at: 5, room: 11 }, 'ab\n').job.slice(10), [3, 11, 0]);
  });

  test(`${name} escapes as Docker does`, () => {
    const escaped = (text: string) => run({ escaped: 1, piece: 100 }, `${text}\n`).text.slice(3, -1);
    assert.equal(escaped('a"b\\c\r\t\0\x1f\x7f'), 'a\\"b\\\\c\\r\\u0009\\u0000\\u001f\x7f');
    assert.equal(escaped('<a>&'), '\\u003ca\\u003e\\u0026');
    assert.equal(escaped('\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa'), '\xc3\xa9\\u2028\\u2029\xe2\x80\xaa');
    const wrong = '\\ufffd';
    assert.equal(escaped('\x80\xff'), wrong.repeat(2));
    assert.equal(escaped('\xed\xa0\x80'), wrong.repeat(3));
    assert.equal(escaped('\xc0\xaf'), wrong.repeat(2));
    assert.equal(escaped('\xf4\x90\x80\x80'), wrong.repeat(4));
    assert.equal(escaped('\xef\xbf\xbd\xe2\x82'), `\xef\xbf\xbd${wrong.repeat(2)}`);
  });

  test(`${name} parts no UTF-8 sequence that is escaped`, () => {
    for (let before = 13; before <= 16; before++) {
      const { text } = run({ escaped: 1, flush: 1 }, `${'a'.repeat(before)}\xf0\x9f\x98\x80b`);
      assert.equal(text.replaceAll('|\n<P ', ''), `<P ${'a'.repeat(before)}\xf0\x9f\x98\x80b|\n`);
    }
    assert.equal(run({ escaped: 1 }, '\x80'.repeat(17)).text, `<P ${'\\ufffd'.repeat(16)}|\n`);
  });
}

if (door) {
  test('the host frames random bytes as the reference does', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const favourites = [0x0a, 0x22, 0x80, 0xa8, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0x61];
    for (let round = 0; round < 3000; round++) {
      const input = new Uint8Array(random(80));
      for (let at = 0; at < input.length; at++)
        input[at] = random(2) === 0 ? random(256) : (favourites[random(favourites.length)] as number);
      const from = random(input.length + 1);
      const settings = {
        from,
        escaped: random(2),
        flush: random(2),
        piece: 4 + random(20),
        at: random(10),
        room: 10 + random(400),
      };
      const expected = framed(frame, settings, input);
      const actual = framed((...args) => door.frame(...args), settings, input);
      assert.deepEqual(actual.job, expected.job, JSON.stringify([settings, [...input]]));
      assert.equal(actual.text, expected.text);
    }
  });

  test('the host refuses a job that leads out of its arrays', () => {
    const refuse = (settings: Parameters<typeof framed>[1]) =>
      assert.throws(() => framed((...args) => door.frame(...args), settings, bytes('ab\n')), /outside/);
    refuse({ to: 4 });
    refuse({ from: 3, to: 2 });
    refuse({ room: 4097 });
    refuse({ at: 2, room: 1 });
    refuse({ before: 0xffffffff, after: 0xffffffff });
    refuse({ piece: 3 });
    assert.throws(() => door.frame(new Uint32Array(12), bytes(''), bytes(''), bytes('')), /another size/);
    assert.throws(() => door.frame(null as never, bytes(''), bytes(''), bytes('')), TypeError);
  });

  test('gzip() makes a member of any bytes, and says when there is no room', () => {
    const output = new Uint8Array(gzipRoom(5000));
    const noise = new Uint8Array(5000).map((_, index) => (index * index * 31) >> 3);
    const size = gzip(noise, output, 6);
    assert.deepEqual([...output.subarray(0, 3)], [0x1f, 0x8b, 8]);
    assert.equal(new DataView(output.buffer).getUint32(size - 4, true), 5000);
    assert.throws(() => gzip(noise, new Uint8Array(10), 6), RangeError);
  });
}
