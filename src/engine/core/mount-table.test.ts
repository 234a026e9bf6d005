import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMounted, mountAround, parseMountTable } from './mount-table.ts';

const table = parseMountTable(
  Buffer.from(
    [
      '21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw',
      '22 21 0:20 / /srv rw master:4 - tmpfs tmpfs rw',
      '23 21 0:21 / /srv/a\\040b\\011c\\012d\\134e rw shared:5 master:4 - tmpfs tmpfs rw',
      '24 21 0:22 / /srv/grün rw - tmpfs shared:6 rw',
      '25 22 0:23 / /srv rw - tmpfs tmpfs rw',
      '',
    ].join('\n'),
  ).toString('latin1'),
);

test('parseMountTable reads places as they are, and how they share', () => {
  assert.deepEqual(table, [
    { path: '/', isShared: true, isSlave: false },
    { path: '/srv', isShared: false, isSlave: true },
    { path: '/srv/a b\tc\nd\\e', isShared: true, isSlave: true },
    // What comes after the dash is the file system's.
    { path: '/srv/grün', isShared: false, isSlave: false },
    { path: '/srv', isShared: false, isSlave: false },
  ]);
});

test('mountAround finds the nearest mount, of several at one place the last', () => {
  const around = (place: string) => table.indexOf(mountAround(place, table) as (typeof table)[number]);
  assert.equal(around('/'), 0);
  assert.equal(around('/srvx'), 0);
  assert.equal(around('/srv'), 4);
  assert.equal(around('/srv/other/deep'), 4);
  assert.equal(around('/srv/grün/x'), 3);
  assert.equal(around('/srv/a b\tc\nd\\e'), 2);
  assert.equal(mountAround('/x', []), undefined);
});

test('isMounted tells a mount of this machine from a directory in one', () => {
  assert.deepEqual([isMounted('/proc'), isMounted('/proc/self')], [true, false]);
});
