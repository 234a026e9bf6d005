import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { contentOf, logFiles, readLog, Scratch, until, Writer } from './support/log-writer.ts';

const formats = ['cri', 'json-file'] as const;

/** Lines with their numbers. */
function numbered(from: number, to: number): string {
  let text = '';
  for (let number = from; number < to; number++) text += `line ${number}\n`;
  return text;
}

/** That these are the lines from one number on to another, each once and in order. */
function assertNumbered(content: Buffer, from: number, to: number): void {
  const expected = numbered(from, to);
  if (content.toString() === expected) return;
  const lines = content.toString().split('\n');
  const at = lines.findIndex((line, index) => line !== `line ${from + index}`);
  assert.fail(`${lines.length - 1} lines of ${to - from}; the first that is wrong: "${lines[at]}" at ${from + at}`);
}

for (const format of formats) {
  test(`${format}: rotation with compression under load loses and doubles no line`, async () => {
    using scratch = new Scratch();
    const path = join(scratch.path, 'c.log');
    const files = 1000;
    const writer = new Writer({ format, path, maximumBytes: 200_000, files, compress: true });
    const count = 400_000;
    for (let from = 0; from < count; from += 10_000) await writer.say(numbered(from, from + 10_000));
    assert.equal(await writer.end(), 0);
    const names = logFiles(path, files);
    // Of 113: a rotation is put off while the compressing process renames.
    assert.ok(names.length > 40, `${names.length} files`);
    assert.ok(names.some((name) => name.endsWith('.gz')));
    assertNumbered(contentOf(format, Buffer.concat(names.map(readLog))), 0, count);
  });

  test(`${format}: rotation keeps the newest files and leaves nothing else behind`, async () => {
    using scratch = new Scratch();
    const path = join(scratch.path, 'c.log');
    const writer = new Writer({ format, path, maximumBytes: 100_000, files: 3, compress: true });
    await writer.say(numbered(0, 50_000));
    const wanted = ['c.log', 'c.log.1.gz', 'c.log.2.gz'];
    await until('both are compressed', () => readdirSync(scratch.path).sort().join() === wanted.join());
    assert.equal(await writer.end(), 0);
    const content = contentOf(format, Buffer.concat(logFiles(path, 3).map(readLog)));
    const first = Number(/^line (\d+)\n/.exec(content.toString())?.[1]);
    assertNumbered(content, first, 50_000);
  });

  test(`${format}: opening anew after a rename loses and doubles no line`, async () => {
    using scratch = new Scratch();
    const path = join(scratch.path, 'c.log');
    const writer = new Writer({ format, path, signals: true });
    const moved: string[] = [];
    const count = 200_000;
    for (let from = 0; from < count; from += 5000) {
      await writer.say(numbered(from, from + 5000));
      await until('there is a file', () => existsSync(path));
      moved.push(`${path}.${moved.length}-moved`);
      renameSync(path, moved.at(-1) as string);
      writer.child.kill('SIGUSR1');
    }
    assert.equal(await writer.end(), 0);
    if (existsSync(path)) moved.push(path);
    assertNumbered(contentOf(format, Buffer.concat(moved.map((name) => readFileSync(name)))), 0, count);
  });

  test(`${format}: 100 MB without a newline are kept, in little memory`, async () => {
    using scratch = new Scratch();
    const path = join(scratch.path, 'c.log');
    const writer = new Writer({ format, path });
    const block = Buffer.alloc(1_000_000, 'abcdefghi ');
    for (let count = 0; count < 100; count++) await writer.say(block);
    const peak = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${writer.child.pid}/status`, 'utf8'))?.[1]);
    assert.ok(peak < 4096, `${peak} KB`);
    assert.equal(await writer.end(), 0);
    const content = contentOf(format, readFileSync(path));
    assert.equal(content.length, 100_000_000);
    for (let at = 0; at < content.length; at += 1_000_000)
      assert.ok(content.subarray(at, at + 1_000_000).equals(block), `differs after ${at}`);
  });
}

test('cri: binary bytes are kept as they are', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'cri', path });
  const data = randomBytes(5_000_000);
  await writer.say(data);
  await writer.end();
  assert.ok(contentOf('cri', readFileSync(path)).equals(data));
});

test('json-file: binary bytes make valid records, and UTF-8 is kept', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'json-file', path });
  const text = `${'<é&"\\ 😀 \u2028\t>'.repeat(3000)}\n`.repeat(20);
  await writer.say(randomBytes(1_000_000));
  await writer.say(`\n${text}`);
  await writer.end();
  const content = contentOf('json-file', readFileSync(path));
  assert.ok(content.subarray(-Buffer.byteLength(text)).equals(Buffer.from(text)));
});

for (const format of formats) {
  test(`${format}: a full disk neither blocks nor tears records, and the log says what it lacks`, async () => {
    using scratch = new Scratch();
    scratch.mountTmpfs(1 << 20);
    const path = join(scratch.path, 'c.log');
    const ballast = join(scratch.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(500_000));
    const writer = new Writer({ format, path });
    const first = numbered(0, 100_000);
    await writer.say(first);
    await until('all is read', () => idle(writer));
    const before = contentOf(format, readFileSync(path)).toString();
    assert.ok(before.length > 0 && first.startsWith(before));
    rmSync(ballast);
    await writer.say('there is room\n');
    const dropped = await writer.end();
    assert.equal(before.length + dropped, first.length);
    const after = contentOf(format, readFileSync(path)).toString().slice(before.length);
    const why = 'write\\(2\\): ENOSPC \\(no space left on device\\)';
    assert.match(
      after,
      new RegExp(`^proa: ${dropped} bytes of output could not be written since \\S+Z: ${why}\nthere is room\n$`),
    );
  });
}

/** Whether the program waits for input and there is none. */
function idle(writer: Writer): boolean {
  const { pid, stdin } = writer.child;
  return stdin?.writableLength === 0 && /(pipe|stream)_read/.test(readFileSync(`/proc/${pid}/wchan`, 'utf8'));
}

test('rotation and compression on a full disk keep what is there', async () => {
  using scratch = new Scratch();
  scratch.mountTmpfs(400_000);
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'cri', path, maximumBytes: 150_000, files: 5, compress: true });
  await writer.say(
    randomBytes(2_000_000)
      .toString('hex')
      .replace(/.{100}/g, '$&\n'),
  );
  assert.ok((await writer.end()) > 0);
  const names = logFiles(path, 5);
  for (const name of names) contentOf('cri', readLog(name));
  assert.ok(names.length >= 2);
});

test('a file that a loss of power has left both plain and compressed is kept once', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  const old = '2026-01-02T03:04:05.000000006Z stdout F old\n';
  for (const age of [1, 2]) writeFileSync(`${path}.${age}.gz`, gzipSync(old));
  writeFileSync(`${path}.2`, old);
  const writer = new Writer({ format: 'cri', path, files: 5, compress: true });
  await writer.say('new\n');
  await writer.end();
  assert.deepEqual(logFiles(path, 5), [`${path}.2`, `${path}.1.gz`, path]);
});

test('a log that is removed or moved away is begun anew within a second', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'cri', path });
  await writer.say('one\n');
  await until('one is there', () => existsSync(path) && statSync(path).size > 0);
  rmSync(path);
  await sleep(1100);
  await writer.say('two\n');
  await until('two is there', () => existsSync(path) && statSync(path).size > 0);
  renameSync(path, `${path}.mine`);
  await sleep(1100);
  await writer.say('three\n');
  await writer.end();
  assert.equal(contentOf('cri', readFileSync(`${path}.mine`)).toString(), 'two\n');
  assert.equal(contentOf('cri', readFileSync(path)).toString(), 'three\n');
});

test('a log whose directory is removed costs lines, and nothing else', async () => {
  using scratch = new Scratch();
  const directory = join(scratch.path, 'logs');
  mkdirSync(directory);
  const path = join(directory, 'c.log');
  const writer = new Writer({ format: 'cri', path, maximumBytes: 100_000, compress: true });
  await writer.say('one\n');
  await until('one is there', () => existsSync(path) && statSync(path).size > 0);
  rmSync(directory, { recursive: true });
  await writer.say(numbered(0, 20_000));
  await sleep(1100);
  await writer.say('lost\n');
  await until('all is read', () => idle(writer));
  mkdirSync(directory);
  await sleep(1100);
  await writer.say('found\n');
  assert.equal(await writer.end(), 0);
  assert.equal(contentOf('cri', readFileSync(path)).toString(), 'found\n');
});

test('a log that is emptied by hand goes on at its beginning', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'cri', path });
  await writer.say('one\n');
  await until('one is there', () => existsSync(path) && statSync(path).size > 0);
  truncateSync(path);
  await writer.say('two\n');
  await writer.end();
  assert.equal(contentOf('cri', readFileSync(path)).toString(), 'two\n');
});

test('a log that is made read-only is written to; one that is immutable is not until it can be', async (t) => {
  // In memory, what is open can be written to though it is immutable.
  using scratch = new Scratch('build');
  const path = join(scratch.path, 'c.log');
  const writer = new Writer({ format: 'cri', path });
  await writer.say('one\n');
  await until('one is there', () => existsSync(path) && statSync(path).size > 0);
  chmodSync(path, 0o444);
  await writer.say('two\n');
  await until('two is there', () => statSync(path).size > 60);
  if (spawnSync('chattr', ['+i', path]).status !== 0) {
    await writer.end();
    t.skip('this file system has no immutable files');
    return;
  }
  try {
    await writer.say('three\n');
    await until('all is read', () => idle(writer));
  } finally {
    execFileSync('chattr', ['-i', path]);
  }
  await writer.say('four\n');
  assert.equal(await writer.end(), 6);
  const content = contentOf('cri', readFileSync(path)).toString();
  assert.match(content, /^one\ntwo\nproa: 6 bytes .*: write\(2\): EPERM \(operation not permitted\)\nfour\n$/);
});

test('a log is continued, without the record that a loss of power cut off', async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, 'c.log');
  for (const line of ['one', 'two']) {
    const writer = new Writer({ format: 'json-file', path });
    await writer.say(`${line}\n`);
    await writer.end();
    appendFileSync(path, '{"log":"tor');
  }
  const whole = readFileSync(path);
  assert.equal(contentOf('json-file', whole.subarray(0, whole.lastIndexOf(0x0a) + 1)).toString(), 'one\ntwo\n');
});

test('a log that cannot be opened is told at once', async () => {
  const writer = new Writer({ format: 'cri', path: '/proc/none/c.log' });
  await assert.rejects(writer.end(), /cannot open the log "\/proc\/none\/c\.log"/);
});
