import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from './entry.ts';
import { TarReader, type TarReaderOptions } from './reader.ts';
import { archive, bytesOf, header, paxRecord, textOf } from './test-support/archive.ts';

/** Entries with their data, read through a window that is as small as can be. */
function read(data: Uint8Array, options: TarReaderOptions = {}): (Entry & { data: string })[] {
  let at = 0;
  const reader = new TarReader(
    (into) => {
      const part = data.subarray(at, at + Math.min(into.length, 200));
      into.set(part);
      at += part.length;
      return part.length;
    },
    { windowBytes: 512, ...options },
  );
  const entries = [];
  for (let entry = reader.next(); entry; entry = reader.next()) {
    let text = '';
    for (let count = reader.available(); count > 0; count = reader.available()) {
      text += textOf(reader.window.bytes.subarray(reader.window.at, reader.window.at + count));
      reader.take(count);
    }
    entries.push({ ...entry, data: text });
  }
  return entries;
}

const names = (data: Uint8Array) => read(data).map(({ name }) => textOf(name));

test('next() gives entries with their data', () => {
  const entries = read(
    archive(header({ name: 'a', size: 3, mode: 0o4755, uid: 1, gid: 2 }), 'xyz', header({ name: 'b/', type: '5' })),
  );
  assert.deepEqual(
    entries.map(({ kind, data, mode, uid, gid }) => [kind, data, mode, uid, gid]),
    [
      ['file', 'xyz', 0o4755, 1, 2],
      ['directory', '', 0o644, 0, 0],
    ],
  );
});

test('next() puts the prefix of ustar before the name, and not what GNU has in its place', () => {
  assert.deepEqual(names(archive(header({ name: 'b', prefix: 'a/c' }))), ['a/c/b']);
  assert.deepEqual(names(archive(header({ name: 'b', prefix: '12345', magic: 'ustar  \0' }))), ['b']);
  assert.deepEqual(names(archive(header({ name: 'x'.repeat(100) }))), ['x'.repeat(100)]);
});

test('next() takes names and links of any length from GNU and pax headers', () => {
  const long = 'n/'.repeat(400);
  const gnu = archive(
    header({ name: '././@LongLink', type: 'L', size: 801 }),
    `${long}\0`,
    header({ name: '././@LongLink', type: 'K', size: 801 }),
    `${long}\0`,
    header({ name: 'cut', type: '2', link: 'cut' }),
  );
  assert.deepEqual(
    read(gnu).map(({ name, link }) => [textOf(name), textOf(link)]),
    [[long, long]],
  );
  const records =
    paxRecord('path', long) + paxRecord('linkpath', 'l') + paxRecord('uid', '3000000') + paxRecord('mtime', '-1.5');
  const [entry] = read(
    archive(header({ name: 'x', type: 'x', size: records.length }), records, header({ name: 'y', type: '2' })),
  );
  assert.deepEqual([textOf(entry?.name ?? bytesOf('')), entry?.uid], [long, 3000000]);
  assert.deepEqual(entry?.modified, { seconds: -2, nanoseconds: 500_000_000 });
});

test('next() holds a global header for all entries and a local one for the next', () => {
  const global = paxRecord('uid', '7') + paxRecord('gid', '8');
  const local = paxRecord('uid', '9') + paxRecord('SCHILY.xattr.user.a', 'v');
  const entries = read(
    archive(
      header({ type: 'g', size: global.length }),
      global,
      header({ type: 'x', size: local.length }),
      local,
      header({ name: 'a' }),
      header({ name: 'b' }),
    ),
  );
  assert.deepEqual(
    entries.map(({ uid, gid, attributes }) => [uid, gid, attributes.length]),
    [
      [9, 8, 1],
      [7, 8, 0],
    ],
  );
});

test('next() reads sparse maps of all formats', () => {
  const old = archive(
    header({
      name: 'a',
      type: 'S',
      size: 5,
      magic: 'ustar  \0',
      realSize: 100,
      segments: [
        [10, 2],
        [50, 3],
      ],
    }),
    'hello',
  );
  assert.deepEqual(
    read(old).map(({ segments, realSize }) => [segments, realSize]),
    [
      [
        [
          { offset: 10, length: 2 },
          { offset: 50, length: 3 },
        ],
        100,
      ],
    ],
  );
  const pax = (records: string[], data: string) => {
    const text = records.join('');
    return archive(
      header({ type: 'x', size: text.length }),
      text,
      header({ name: 'GNUSparseFile.0/a', size: data.length }),
      data,
    );
  };
  const version00 = ['size=100', 'numblocks=2', 'offset=10', 'numbytes=2', 'offset=50', 'numbytes=3'];
  const version01 = ['size=100', 'numblocks=2', 'map=10,2,50,3', 'name=a'];
  const version10 = ['major=1', 'minor=0', 'name=a', 'realsize=100'];
  const record = (text: string) => paxRecord(`GNU.sparse.${text.split('=')[0]}`, text.split('=')[1] ?? '');
  const map = '2\n10\n2\n50\n3\n';
  for (const data of [
    pax(version00.map(record), 'hello'),
    pax(version01.map(record), 'hello'),
    pax(version10.map(record), `${map}${'\0'.repeat(512 - map.length)}hello`),
  ]) {
    const [entry] = read(data);
    assert.deepEqual(entry?.segments, [
      { offset: 10, length: 2 },
      { offset: 50, length: 3 },
    ]);
    assert.deepEqual([entry?.realSize, entry?.size, entry?.data], [100, 5, 'hello']);
  }
});

test('next() gives links and directories no data, whatever their size says', () => {
  assert.deepEqual(names(archive(header({ name: 'a', type: '1', size: 1024, link: 'b' }), header({ name: 'b' }))), [
    'a',
    'b',
  ]);
});

test('next() names the entry and the field that is wrong', () => {
  const cases: [RegExp, Uint8Array][] = [
    [/archive entry 1 "a": checksum/, archive(header({ name: 'a', checksum: 1 }))],
    [/archive entry 2 "b": size/, archive(header({ name: 'a' }), header({ name: 'b', sizeField: 'zz' }))],
    [/archive entry 1 "a": type: unknown type flag 0x71/, archive(header({ name: 'a', type: 'q' }))],
    [
      /archive entry 1: extended header: a record has no length/,
      archive(header({ type: 'x', size: 3 }), 'abc', header({ name: 'a' })),
    ],
    [
      /archive entry 1 "a": the archive is cut off: it ends inside the data/,
      archive(header({ name: 'a', size: 5000 }), 'x').subarray(0, 900),
    ],
    [/archive entry 2: the archive is cut off: its end is missing/, archive(header({ name: 'a' })).subarray(0, 512)],
    [/archive entry 1: the archive is cut off/, new Uint8Array(0)],
    [/archive entry 1 "a": more than 10 bytes/, archive(header({ name: 'a', size: 11 }), 'hello world')],
    [
      /archive entry 3 "c": more than 2 entries|archive entry 3: more than 2 entries/,
      archive(header({ name: 'a' }), header({ name: 'b' }), header({ name: 'c' })),
    ],
    [
      /path: the value is wrong/,
      archive(
        header({ type: 'x', size: paxRecord('path', 'a\0b').length }),
        paxRecord('path', 'a\0b'),
        header({ name: 'a' }),
      ),
    ],
  ];
  for (const [message, data] of cases)
    assert.throws(
      () => read(data, { maximumBytes: message.source.includes('bytes') ? 10 : 1e9, maximumEntries: 2 }),
      message,
    );
});
