import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBytes, textOf, utf8 } from './bytes.ts';
import { Decompressor } from './decompress.ts';
import { door } from './door.ts';
import { gzip, gzipRoom } from './gzip.ts';

const hellos = 'hello\n'.repeat(50_000);
/** The same by zstd(1), with a checksum. */
const zstdFrame = Uint8Array.from(
  (
    '28b52ffd04587400003068656c6c6f0a0100f7ffc94b114c0000086c0100fcff3910024d0000086f0100dc131d0801fa5199e0'.match(
      /../g,
    ) ?? []
  ).map((byte) => Number.parseInt(byte, 16)),
);

function member(bytes: Uint8Array): Uint8Array {
  const output = new Uint8Array(gzipRoom(bytes.length));
  return output.slice(0, gzip(bytes, output, 6));
}

/** What comes out of a stream that is read in pieces of one size into room of another. */
function decompressed(
  compression: 'gzip' | 'zstd',
  stream: Uint8Array,
  { piece = stream.length, room = 1 << 16 } = {},
): Uint8Array {
  let at = 0;
  const read = (into: Uint8Array): number => {
    const part = stream.subarray(at, at + Math.min(piece, into.length));
    into.set(part);
    at += part.length;
    return part.length;
  };
  const decompressor = new Decompressor(compression, { read, fail: (problem) => new Error(problem) });
  const parts: Uint8Array[] = [];
  const into = new Uint8Array(room);
  for (;;) {
    const count = decompressor.read(into);
    if (count === 0) return joinBytes(...parts);
    parts.push(into.slice(0, count));
  }
}

if (door) {
  test('Decompressor gives what was compressed, in whatever pieces it is read', () => {
    const noise = new Uint8Array(70_000).map((_, at) => (at * 2654435761) >>> (at % 23));
    const stream = member(noise);
    for (const piece of [1, 7, 4096, stream.length])
      for (const room of [3, 333, 1 << 16])
        assert.deepEqual(decompressed('gzip', stream, { piece, room }), noise, `${piece}, ${room}`);
    for (const piece of [1, 5, zstdFrame.length])
      for (const room of [100, 1 << 16])
        assert.equal(textOf(decompressed('zstd', zstdFrame, { piece, room })), hellos, `${piece}, ${room}`);
  });

  test('Decompressor takes members and frames one after the other, and passes over what is behind gzip', () => {
    const members = joinBytes(member(utf8('one ')), member(utf8('')), member(utf8('two')));
    for (const piece of [1, members.length]) {
      assert.equal(textOf(decompressed('gzip', members, { piece })), 'one two');
      assert.equal(textOf(decompressed('gzip', joinBytes(members, new Uint8Array(600)), { piece })), 'one two');
    }
    assert.equal(textOf(decompressed('zstd', joinBytes(zstdFrame, zstdFrame))), hellos + hellos);
  });

  test('Decompressor refuses what is damaged, cut off, or something else', () => {
    const stream = member(utf8(hellos));
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, place) => (place === at ? byte ^ 0x55 : byte));
    const refused = (compression: 'gzip' | 'zstd', bytes: Uint8Array, message: RegExp) =>
      assert.throws(() => decompressed(compression, bytes), message);
    refused('gzip', utf8('no gzip at all'), /incorrect header check/);
    refused('gzip', flipped(stream, stream.length - 6), /incorrect data check/);
    refused('gzip', stream.subarray(0, -1), /unexpected end/);
    refused('gzip', joinBytes(stream, stream.subarray(0, 5)), /unexpected end/);
    refused('gzip', new Uint8Array(0), /unexpected end/);
    refused('zstd', utf8('no zstd at all'), /Unknown frame descriptor/);
    refused('zstd', flipped(zstdFrame, zstdFrame.length - 2), /checksum/);
    refused('zstd', zstdFrame.subarray(0, -1), /unexpected end/);
    refused('zstd', joinBytes(zstdFrame, new Uint8Array(20)), /Unknown frame descriptor/);
    // After a failure the next stream is read as if nothing had been.
    assert.equal(textOf(decompressed('gzip', stream)), hellos);
    assert.equal(textOf(decompressed('zstd', zstdFrame)), hellos);
  });
}
