import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockStore } from './lock.ts';

test('lockStore() leaves the lock to a process that lives, not to one that has ended and whose parent has not looked', async () => {
  const root = mkdtempSync(join(tmpdir(), 'proa-lock-'));
  // The first becomes another program, which knows nothing of a child.
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const pid = Number(await new Promise((said) => parent.stdout.once('data', (text) => said(String(text)))));
    const stat = (of: number) => readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const lockAs = (of: number) =>
      writeFileSync(join(root, 'lock.json'), JSON.stringify({ pid: of, startTime: Number(stat(of)[19]), boot }));
    lockAs(parent.pid ?? 0);
    await assert.rejects(lockStore(root), /is in use by process/);
    lockAs(pid);
    while (stat(pid)[0] !== 'Z') await new Promise((looked) => setTimeout(looked, 10));
    (await lockStore(root))[Symbol.dispose]();
  } finally {
    parent.kill();
    rmSync(root, { recursive: true });
  }
});
