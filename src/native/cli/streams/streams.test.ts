import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachWatch, parseDetachKeys } from '#common/streams/detach-keys.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import { Demultiplexer } from './demultiplex.ts';
import { LineReader } from './lines.ts';

/** These need the host, and so run inside the binary alone. */
const inBinary = (name: string, body: () => void | Promise<void>) => door !== undefined && test(name, body);

function frame(stream: number, text: string): number[] {
  const bytes = [...utf8(text)];
  return [stream, 0, 0, 0, 0, 0, bytes.length >> 8, bytes.length & 255, ...bytes];
}

inBinary('Demultiplexer finds the pieces however they arrive', () => {
  const bytes = new Uint8Array([...frame(1, 'out'), ...frame(2, 'err'), ...frame(1, ''), ...frame(1, 'x'.repeat(300))]);
  for (const size of [1, 2, 7, 8, 9, 1000]) {
    const splitter = new Demultiplexer();
    const said = { stdin: '', stdout: '', stderr: '' };
    for (let at = 0; at < bytes.length; at += size)
      for (const piece of splitter.push(bytes.subarray(at, at + size))) said[piece.stream] += textOf(piece.bytes);
    assert.deepEqual(said, { stdin: '', stdout: `out${'x'.repeat(300)}`, stderr: 'err' });
  }
});

inBinary('Demultiplexer keeps what the engine says went wrong, and refuses what is no piece', () => {
  const splitter = new Demultiplexer();
  splitter.push(new Uint8Array(frame(3, 'lost')));
  assert.equal(textOf(splitter.systemError()), 'lost');
  assert.throws(() => new Demultiplexer().push(utf8('HTTP/1.1 200')), /not a piece/);
});

test('parseDetachKeys() reads keys and refuses others', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), [16, 17]);
  assert.deepEqual(parseDetachKeys('a,ctrl-[,ctrl-@'), [97, 27, 0]);
  for (const wrong of ['', 'ctrl-', 'ctrl-1', 'ab', 'a,,b', 'ctrl-A'])
    assert.throws(() => parseDetachKeys(wrong), /detach keys/, wrong);
});

test('DetachWatch holds back the beginning of the keys, and gives it when they are none', () => {
  const typed = (...pieces: number[][]) => {
    const watch = new DetachWatch([16, 17]);
    const passed: number[] = [];
    for (const piece of pieces) {
      const { pass, detached } = watch.push(new Uint8Array(piece));
      passed.push(...pass);
      if (detached) return { passed, detached };
    }
    return { passed, detached: false };
  };
  assert.deepEqual(typed([1, 2]), { passed: [1, 2], detached: false });
  assert.deepEqual(typed([1, 16, 17, 3]), { passed: [1], detached: true });
  assert.deepEqual(typed([16], [17]), { passed: [], detached: true });
  assert.deepEqual(typed([16], [5]), { passed: [16, 5], detached: false });
  assert.deepEqual(typed([16, 16, 17]), { passed: [16], detached: true });
  assert.deepEqual(typed([16]), { passed: [], detached: false });
});

inBinary('LineReader gives whole lines, and the last one without an end', () => {
  const read = async (pieces: string[]) => {
    const rest = pieces.map(utf8);
    const reader = new LineReader(async () => rest.shift());
    const lines: string[] = [];
    for (let line = await reader.next(); line !== undefined; line = await reader.next()) lines.push(line);
    return lines;
  };
  return read(['a\nb', 'c\r\n', '', 'é', '\n\nlast']).then((lines) =>
    assert.deepEqual(lines, ['a', 'bc', 'é', '', 'last']),
  );
});
