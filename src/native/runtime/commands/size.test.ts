import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesFromSize } from './size.ts';

test('bytesFromSize() reads sizes as Docker and runc do', () => {
  const known: [string, bigint][] = [
    ['0', 0n],
    ['32', 32n],
    ['32b', 32n],
    ['32K', 32n << 10n],
    ['32kb', 32n << 10n],
    ['32 KiB', 32n << 10n],
    ['512m', 512n << 20n],
    ['1.5g', 1536n << 20n],
    ['1T', 1n << 40n],
    ['1pib', 1n << 50n],
    ['-1', -1n],
  ];
  for (const [text, bytes] of known) assert.equal(bytesFromSize(text), bytes, text);
});

test('bytesFromSize() rejects everything else', () => {
  for (const text of ['', 'm', '-2', '1x', '1  m', '1,5g', '1mm', '9999999p', '1.', '.5m', '0x10'])
    assert.equal(bytesFromSize(text), undefined, text);
});
