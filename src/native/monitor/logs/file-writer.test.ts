import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeFiles } from '#sys/test-support/fake-files.ts';
import { openLog } from './open.ts';
import type { LogSettings, LogWriter } from './types.ts';

const time = '2026-01-02T03:04:05.000000006Z';
const path = '/logs/c.log';

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Lets `body` write a log on a fake disk; gives the disk and what the writer is then. */
function log(
  settings: Partial<LogSettings>,
  body: (say: (text: string) => void, log: LogWriter, disk: FakeFiles) => void,
) {
  const disk = new FakeFiles();
  disk.run(() => {
    using writer = openLog({ format: 'cri', path, maximumBytes: 0, files: 5, compress: false, ...settings });
    body((text) => writer.write('stdout', bytes(text), text.length), writer, disk);
  });
  return disk;
}

const cri = (text: string, tag = 'F', stream = 'stdout') => `${time} ${stream} ${tag} ${text}\n`;
const json = (text: string, stream = 'stdout') => `{"log":"${text}","stream":"${stream}","time":"${time}"}\n`;

test('openLog() writes each line as the format wants it', () => {
  const body = (say: (text: string) => void) => say('one\n\ntwo\n');
  assert.equal(log({}, body).text(path), cri('one') + cri('') + cri('two'));
  assert.equal(log({ format: 'json-file' }, body).text(path), json('one\\n') + json('\\n') + json('two\\n'));
  assert.equal(log({ format: 'none' }, body).files.size, 0);
});

test('FileWriter gives each call its own time', () => {
  for (const format of ['cri', 'json-file'] as const) {
    const disk = log({ format }, (say, _, clock) => {
      say('a\n');
      clock.nanoseconds = 120_000_000;
      say(`b\n${'c'.repeat(16385)}`);
      clock.seconds++;
      say('\n');
    });
    const times = disk.text(path).match(/2026-[^Z]*Z/g);
    const [second, third] = ['2026-01-02T03:04:05.120000000Z', '2026-01-02T03:04:06.120000000Z'];
    assert.deepEqual([...(times ?? [])], [time, second, second, third]);
  }
});

test('FileWriter makes one write(2) of many lines', () => {
  const disk = log({}, (say) => say('a\n'.repeat(20)));
  assert.equal(disk.writes, 1);
});

test('FileWriter waits for the end of a line, for each stream by itself', () => {
  const disk = log({}, (say, writer) => {
    say('be');
    writer.write('stderr', bytes('err\n'), 4);
    say('gin');
    say('ning\nnext\nre');
    say('st');
    writer.end('stdout');
    writer.end('stdout');
  });
  assert.equal(disk.text(path), cri('err', 'F', 'stderr') + cri('beginning') + cri('next') + cri('rest', 'P'));
});

test('FileWriter takes only the bytes that it is told of', () => {
  const disk = log({}, (_, writer) => writer.write('stdout', bytes('a\nb\nc\n'), 3));
  assert.equal(disk.text(path), cri('a') + cri('b', 'P'));
});

test('FileWriter writes an unfinished line when it is asked to or closed', () => {
  const disk = log({ format: 'json-file' }, (say) => {
    say('Password: ');
    say('');
    say('');
    say('!\nlast');
  });
  assert.equal(disk.text(path), json('Password: ') + json('!\\n') + json('last'));
});

test('FileWriter parts what has no newline into pieces of 16 KB, whatever the calls were', () => {
  const long = 'x'.repeat(40_000);
  const pieces = cri('x'.repeat(16384), 'P').repeat(2) + cri('x'.repeat(40_000 - 32768));
  assert.equal(log({}, (say) => say(`${long}\n`)).text(path), pieces);
  const split = log({}, (say) => {
    for (let at = 0; at < long.length; at += 3001) say(long.slice(at, at + 3001));
    say('\n');
  });
  assert.equal(split.text(path), pieces);
});

test('FileWriter keeps UTF-8 whole across calls and pieces', () => {
  const euro = '\xe2\x82\xac';
  const disk = log({ format: 'json-file' }, (say) => {
    for (const letter of euro) say(letter);
    say(`${'x'.repeat(16382)}${euro}\n`);
  });
  assert.equal(disk.text(path), json(`${euro}${'x'.repeat(16381)}`) + json(`x${euro}\\n`));
});

test('FileWriter holds a piece of which every byte is escaped', () => {
  const disk = log({ format: 'json-file' }, (say) => say('\x01'.repeat(16385)));
  assert.equal(disk.text(path), json('\\u0001'.repeat(16384)) + json('\\u0001'));
});

test('FileWriter rotates between records, keeps their order and no more files than it shall', () => {
  const disk = log({ maximumBytes: 130, files: 2 }, (say) => say('1\n2\n3\n4\n5\n6\n7\n8\n'));
  const names = [`${path}.1`, path];
  assert.deepEqual([...disk.files.keys()].sort(), [...names].sort());
  assert.equal(names.map((name) => disk.text(name)).join(''), [4, 5, 6, 7, 8].map((n) => cri(String(n))).join(''));
});

test('FileWriter keeps one file where one is allowed', () => {
  const disk = log({ maximumBytes: 100, files: 1 }, (say) => say('1\n2\n3\n'));
  assert.deepEqual([...disk.files.keys()], [path]);
  assert.equal(disk.text(path), cri('3'));
});

test('FileWriter keeps a record that is larger than a file shall be', () => {
  const disk = log({ maximumBytes: 100 }, (say) => say(`a\n${'b'.repeat(500)}\n`));
  assert.equal(disk.text(`${path}.1`), cri('a'));
  assert.equal(disk.text(path), cri('b'.repeat(500)));
});

test('FileWriter drops whole records on a full disk, and says so when there is room', () => {
  const disk = log({}, (say, writer, full) => {
    full.capacity = 100;
    say('first\nsecond\nthird\n');
    assert.equal(full.text(path), cri('first') + cri('second'));
    say('fourth\n');
    assert.equal(writer.droppedBytes, 13);
    full.capacity = 100_000;
    full.seconds++;
    say('fifth\n');
    say('sixth\n');
    assert.equal(writer.droppedBytes, 13);
  });
  const later = time.replace(':05.', ':06.');
  const why = 'write(2): ENOSPC (no space left on device)';
  const marker = `proa: 13 bytes of output could not be written since ${time}: ${why}`;
  const after = [marker, 'fifth', 'sixth'].map((text) => cri(text).replace(time, later)).join('');
  assert.equal(disk.text(path), cri('first') + cri('second') + after);
});

test('FileWriter writes nothing behind a record that it cannot cut off yet', () => {
  const disk = log({}, (say, writer, full) => {
    full.capacity = 50;
    full.truncateFailure = -5;
    say('one\ntwo\n');
    full.capacity = 100_000;
    say('three\n');
    full.truncateFailure = 0;
    say('four\n');
    assert.equal(writer.droppedBytes, 10);
  });
  const contents = disk
    .text(path)
    .split('\n')
    .map((record) => record.slice(40));
  assert.deepEqual(
    [contents[0], contents[1]?.slice(0, 14), contents[2], contents[3]],
    ['one', 'proa: 10 bytes', 'four', ''],
  );
});

test('FileWriter writes no marker that no record fits behind', () => {
  const disk = log({ format: 'json-file' }, (say, writer, full) => {
    full.failure = -5;
    say('lost\n');
    full.failure = 0;
    full.capacity = 230;
    say(`${'long'.repeat(20)}\n`);
    assert.equal(full.text(path), '');
    assert.equal(writer.droppedBytes, 86);
    full.capacity = 1000;
    say('short\n');
  });
  const [first, second] = disk
    .text(path)
    .split('\n')
    .map((line) => line && JSON.parse(line).log);
  assert.match(first, /^proa: 86 bytes of output .*: EIO \(input\/output error\)\n$/);
  assert.equal(second, 'short\n');
});

test('FileWriter begins a new file when its own is removed, within a second', () => {
  const disk = log({}, (say, _, files) => {
    say('one\n');
    files.files.delete(path);
    files.seconds++;
    say('two\n');
  });
  assert.match(disk.text(path), / F two\n$/);
});

test('reopen() loses and doubles nothing, also of an unfinished line', () => {
  const disk = log({}, (say, writer, { files }) => {
    say('one\ntw');
    files.set('/logs/moved', files.get(path) as never);
    files.delete(path);
    writer.reopen();
    say('o\n');
  });
  assert.equal(disk.text('/logs/moved'), cri('one'));
  assert.equal(disk.text(path), cri('two'));
});

test('reopen() throws when it cannot, and the old file is written to', () => {
  const disk = log({}, (say, writer, files) => {
    files.openFailure = -24;
    assert.throws(() => writer.reopen(), /cannot open the log "\/logs\/c.log"/);
    say('one\n');
  });
  assert.equal(disk.text(path), cri('one'));
});

test('FileWriter goes on with its file when it cannot be rotated', () => {
  const disk = log({ maximumBytes: 100 }, (say, writer, files) => {
    files.openFailure = -28;
    say('1\n2\n3\n4\n5\n');
    files.openFailure = 0;
    say(`${'x'.repeat(300_000)}\n`);
    assert.equal(writer.droppedBytes, 0);
  });
  const kept = [1, 2, 3, 4, 5].map((number) => cri(String(number))).join('');
  const names = [...disk.files.keys()];
  assert.ok(names.length > 1 && names.some((name) => disk.text(name).startsWith(kept)));
});

test('openLog() continues a log, without the record that was cut off', () => {
  const disk = new FakeFiles();
  disk.files.set(path, { inode: 1, data: [...bytes(`${cri('one')}2026-01-02T03:0`)] });
  disk.run(() => {
    using writer = openLog({ format: 'cri', path, maximumBytes: 0, files: 5, compress: false });
    writer.write('stdout', bytes('two\n'), 4);
  });
  assert.equal(disk.text(path), cri('one') + cri('two'));
});
