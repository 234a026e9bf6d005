import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readLog } from './read.ts';

const line = (number: number, stream = 'stdout') =>
  `${JSON.stringify({ log: `${number}\n`, stream, time: `2026-01-01T00:00:${String(number % 60).padStart(2, '0')}.5Z` })}\n`;
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => line(from + at)).join('');
const both = { stdout: true, stderr: true };

function temporary(): Disposable & { path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'proa-log-'));
  return { path: join(directory, 'x.log'), [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

async function read(...args: Parameters<typeof readLog>): Promise<number[]> {
  const found: number[] = [];
  for await (const { log } of readLog(...args)) found.push(Number(log));
  return found;
}

test('readLog() reads all files of a log, oldest first, compressed ones too', async () => {
  using log = temporary();
  writeFileSync(`${log.path}.2.gz`, gzipSync(lines(1, 3)));
  writeFileSync(`${log.path}.1`, lines(4, 5));
  writeFileSync(log.path, `${lines(6, 7)}{"log":"cut`);
  assert.deepEqual(await read(log.path, both), [1, 2, 3, 4, 5, 6, 7]);
  for (const [tail, first] of [
    [1, 7],
    [3, 5],
    [5, 3],
    [7, 1],
    [100, 1],
  ] as const)
    assert.equal((await read(log.path, { ...both, tail }))[0], first, `tail ${tail}`);
  assert.deepEqual(await read(log.path, { ...both, tail: 0 }), []);
});

test('readLog() selects by stream and time', async () => {
  using log = temporary();
  writeFileSync(log.path, line(1) + line(2, 'stderr') + line(3));
  assert.deepEqual(await read(log.path, { stdout: false, stderr: true }), [2]);
  const time = (seconds: number) => BigInt(Date.parse(`2026-01-01T00:00:0${seconds}Z`)) * 1_000_000n;
  assert.deepEqual(await read(log.path, { ...both, since: time(2) }), [2, 3]);
  assert.deepEqual(await read(log.path, { ...both, until: time(3) }), [1, 2]);
  assert.deepEqual(await read(join(log.path, '../none'), both), []);
});

test('readLog() follows what comes, over a rotation, to its end', async () => {
  using log = temporary();
  writeFileSync(log.path, lines(1, 2));
  let live = true;
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const reading = read(log.path, both, { isLive: () => live, ended, signal: new AbortController().signal });
  const pause = () => new Promise((done) => setTimeout(done, 30));
  await pause();
  appendFileSync(log.path, lines(3, 4));
  await pause();
  renameSync(log.path, `${log.path}.1`);
  writeFileSync(log.path, lines(5, 6));
  await pause();
  appendFileSync(log.path, line(7));
  live = false;
  end();
  assert.deepEqual(await reading, [1, 2, 3, 4, 5, 6, 7]);
});
