/// <reference path="../../globals.d.ts" />
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Door, useDoor } from '#sys/door.ts';
import { close, openat, write } from '#sys/raw/generated/numbers.ts';
import { fakeLibrary } from '#sys/test-support/fake-library.ts';
import { applySettings, type Setting, setting } from './settings.ts';

/** A kernel with some files; `accept` answers a write with 0 or -errno. */
function withFiles(files: string[], accept: (file: string, value: string) => number, body: () => void): string[] {
  const opened: string[] = [];
  const written: string[] = [];
  const fake = {
    ...fakeLibrary(),
    syscall(number: number, ...args: unknown[]): number {
      if (number === openat) {
        if (!files.includes(args[1] as string)) return -2;
        return opened.push(args[1] as string) + 2;
      }
      if (number === close) return 0;
      if (number !== write) return -38;
      const [fd, bytes] = args as [number, Uint8Array];
      const file = opened[fd - 3] as string;
      const value = String.fromCharCode(...bytes);
      const result = accept(file, value);
      if (result < 0) return result;
      written.push(`${file}=${value}`);
      return bytes.length;
    },
  };
  const before = useDoor(fake as unknown as Door);
  try {
    body();
  } finally {
    useDoor(before);
  }
  return written;
}

const memory: Setting[] = [
  setting('memory.limit', 'memory.limit_in_bytes', '200'),
  setting('memory.swap', 'memory.memsw.limit_in_bytes', '400'),
];
const files = ['/m/memory.limit_in_bytes', '/m/memory.memsw.limit_in_bytes'];

test('applySettings() tries what was refused again, after what it depends on', () => {
  let together = 100;
  const written = withFiles(
    files,
    (file, value) => {
      if (file.includes('memsw')) together = Number(value);
      return Number(value) > together ? -22 : 0;
    },
    () => applySettings(memory, () => '/m'),
  );
  assert.deepEqual(written, ['/m/memory.memsw.limit_in_bytes=400', '/m/memory.limit_in_bytes=200']);
});

test('applySettings() names the field that stays refused', () => {
  const attempt = () =>
    withFiles(
      files,
      () => -22,
      () => applySettings(memory, () => '/m'),
    );
  assert.throws(attempt, { kind: 'invalid', message: /^linux\.resources\.memory\.limit: cannot set "200"/ });
});

test('applySettings() names the controller that is missing', () => {
  const attempt = () =>
    withFiles(
      [],
      () => 0,
      () => applySettings(memory, () => undefined),
    );
  assert.throws(attempt, {
    kind: 'unsupported',
    message: /memory\.limit: the cgroup controller "memory" is not available/,
  });
});

test('applySettings() takes the file that stands in, or leaves it', () => {
  const weight = setting('blockIO.weight', 'blkio.weight', '7', { file: 'blkio.bfq.weight', value: '8' });
  const gone = setting('memory.kernel', 'memory.kmem.limit_in_bytes', '7', 'nothing');
  const written = withFiles(
    ['/m/blkio.bfq.weight'],
    () => 0,
    () => applySettings([weight, gone], () => '/m'),
  );
  assert.deepEqual(written, ['/m/blkio.bfq.weight=8']);
});
