import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TarReader } from './reader.ts';
import { archive, bytesOf, textOf } from './test-support/archive.ts';
import { headerBlocks, type PackedEntry } from './writer.ts';

const usual: PackedEntry = {
  kind: 'file',
  name: 'a',
  link: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  modified: { seconds: 1, nanoseconds: 0 },
  major: 0,
  minor: 0,
  attributes: [],
};

function readBack(entry: PackedEntry) {
  const data = archive(headerBlocks(entry));
  let at = 0;
  const reader = new TarReader((into) => {
    const part = data.subarray(at, at + into.length);
    into.set(part);
    at += part.length;
    return part.length;
  });
  return reader.next();
}

test('headerBlocks() takes one block where ustar has room', () => {
  assert.equal(headerBlocks(usual).length, 512);
});

test('headerBlocks() is read back as it was', () => {
  const entry: PackedEntry = {
    ...usual,
    kind: 'character',
    name: `${'n/'.repeat(100)}\xff`,
    mode: 0o4711,
    uid: 3_000_000,
    gid: 4_000_000_000,
    modified: { seconds: -2, nanoseconds: 750_000_000 },
    major: 259,
    minor: 70000,
    attributes: [
      { name: bytesOf('user.b'), value: bytesOf('\0\n=\xff') },
      { name: bytesOf('user.a'), value: bytesOf('') },
    ],
  };
  const back = readBack(entry);
  assert.deepEqual(
    [
      back?.kind,
      textOf(back?.name ?? bytesOf('')),
      back?.mode,
      back?.uid,
      back?.gid,
      back?.modified,
      back?.major,
      back?.minor,
    ],
    ['character', entry.name, 0o4711, 3_000_000, 4_000_000_000, entry.modified, 259, 70000],
  );
  assert.deepEqual(
    back?.attributes.map(({ name, value }) => [textOf(name), textOf(value)]),
    [
      ['user.a', ''],
      ['user.b', '\0\n=\xff'],
    ],
  );
});

test('headerBlocks() keeps long links', () => {
  assert.equal(
    textOf(readBack({ ...usual, kind: 'symlink', link: 'l'.repeat(300) })?.link ?? bytesOf('')),
    'l'.repeat(300),
  );
});
