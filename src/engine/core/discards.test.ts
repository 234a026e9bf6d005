import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Discards } from './discards.ts';

function directory(path: string): string {
  mkdirSync(join(path, 'within'), { recursive: true });
  writeFileSync(join(path, 'within/file'), 'words');
  return path;
}

test('Discards takes directories away at once and empties them later, also those of an engine before', async () => {
  const root = mkdtempSync(join(tmpdir(), 'proa-test-'));
  try {
    const place = join(root, 'discarded');
    directory(join(place, 'from-before'));
    const discards = await Discards.open(place);
    const one = directory(join(root, 'one'));
    const other = directory(join(root, 'other'));
    await discards.discard(one);
    discards.discardNow(other);
    assert.equal(existsSync(one) || existsSync(other), false);
    assert.equal(readdirSync(place).length, 3);
    // The names are free for others.
    directory(one);
    await discards.discard(one);
    await discards.emptied();
    assert.deepEqual(readdirSync(place), []);
    // What is not there is no failure.
    await discards.discard(one);
    discards.discardNow(other);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
