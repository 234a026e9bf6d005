// proa-unpack against archives that are made to write outside, to fill the disk, to hang it or to be misread.
// HOSTILE_SEED=N makes other damaged ones.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HostileArchive, hostileArchives } from './support/hostile-archives.ts';
import { snapshot } from './support/snapshot.ts';
import { run } from './support/unpack.ts';

/** A directory that is 6,000 deep takes the kernel a while to remove where other things go on. */
const LONGEST_MILLISECONDS = 120_000;

test('hostile archives write nothing outside, end in time, leave nothing behind and are told by entry', async (t) => {
  const guard = mkdtempSync(join(tmpdir(), 'proa-hostile-'));
  try {
    mkdirSync(join(guard, 'outside/dir'), { recursive: true });
    writeFileSync(join(guard, 'outside/secret'), 'secret');
    const archives = hostileArchives(guard, Number(process.env['HOSTILE_SEED'] ?? '1'));
    assert.ok(archives.length >= 300);
    t.diagnostic(`${archives.length} archives`);
    const failures: string[] = [];
    for (const archive of archives) {
      try {
        check(guard, archive);
      } catch (failure) {
        failures.push(String(failure));
      }
      execFileSync('rm', ['-rf', join(guard, 'root')]);
    }
    assert.deepEqual(failures, []);
  } finally {
    execFileSync('rm', ['-rf', guard]);
  }
});

function check(guard: string, { name, data, expect, words = [] }: HostileArchive): void {
  const root = join(guard, 'root');
  mkdirSync(root);
  const before = snapshot(guard, 'root');
  const { status, signal, stdout, stderr } = run(['--root', root, ...words], data, LONGEST_MILLISECONDS);
  assert.deepEqual(snapshot(guard, 'root'), before, `${name}: something changed outside`);
  assert.equal(signal, null, `${name}: does not end`);
  assert.notEqual(status === 0 ? stdout : stderr, '', `${name}: ended with ${status} and without a word`);
  if (status === 0) {
    assert.notEqual(expect, 'refused', `${name}: not refused, ${stdout}`);
    assert.ok(JSON.parse(stdout).entries >= 0, name);
  } else {
    assert.equal(status, 1, name);
    const { message, kind } = JSON.parse(stderr);
    assert.notEqual(expect, 'contained', `${name}: ${message}`);
    assert.match(message, /archive entry \d+/, `${name}: the entry is not named`);
    assert.notEqual(kind, 'internal', `${name}: ${message}`);
    if (!words.includes('apply')) assert.deepEqual(readdirSync(root), [], `${name}: something is left, ${message}`);
  }
}
