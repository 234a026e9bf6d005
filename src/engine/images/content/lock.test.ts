import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ProaError } from '#common/errors.ts';
import { temporaryDirectory } from './fixture.ts';
import { bootId, lockStore } from './lock.ts';

/** What a process is told by this to do in place of the tests. */
const COMPETE = 'PROA_TEST_COMPETE';

/** Leaves a lock as a process has it, or one that had started at another time. */
function leaveLock(root: string, pid: number, startTime: number | string, boot = bootId()): void {
  mkdirSync(join(root, 'lock'));
  writeFileSync(join(root, 'lock', `${pid}-${startTime}-${boot}-${randomUUID()}`), '');
}

const stat = (of: number) => readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];

/** Takes the store of each line, says whether it could, and gives it back at the next line. */
async function compete(): Promise<void> {
  let held: Disposable | undefined;
  for await (const root of createInterface({ input: process.stdin })) {
    held?.[Symbol.dispose]();
    held = undefined;
    let answer = 'given back';
    if (root !== '') {
      try {
        held = await lockStore(root);
        answer = 'owner';
      } catch (error) {
        answer = error instanceof ProaError ? error.kind : String(error);
      }
    }
    process.stdout.write(`${answer}\n`);
  }
}

async function tell(child: ChildProcess, line: string): Promise<string> {
  child.stdin?.write(`${line}\n`);
  const [answer] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return String(answer).trim();
}

if (process.env[COMPETE]) await compete();
else {
  test('lockStore() leaves the lock to a process that lives, not to one that has ended and whose parent has not looked', async () => {
    using place = temporaryDirectory();
    // The first becomes another program, which knows nothing of a child.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const pid = Number(await new Promise((said) => parent.stdout.once('data', (text) => said(String(text)))));
      leaveLock(place.path, parent.pid ?? 0, stat(parent.pid ?? 0)[19] ?? '');
      await assert.rejects(lockStore(place.path), new RegExp(`is in use by process ${parent.pid}`));
      assert.equal(readdirSync(place.path).length, 1);
      using other = temporaryDirectory();
      leaveLock(other.path, pid, stat(pid)[19] ?? '');
      while (stat(pid)[0] !== 'Z') await new Promise((looked) => setTimeout(looked, 10));
      (await lockStore(other.path))[Symbol.dispose]();
      assert.deepEqual(readdirSync(other.path), []);
    } finally {
      parent.kill();
    }
  });

  test('lockStore() takes the lock of another boot, clears away attempts of the dead, and touches no lock that it does not know', async () => {
    using place = temporaryDirectory();
    const self = Number(stat(process.pid)[19]);
    leaveLock(place.path, process.pid, self, randomUUID());
    const abandoned = `${process.pid}-1-${bootId()}-${randomUUID()}`;
    mkdirSync(join(place.path, `lock.${abandoned}`));
    writeFileSync(join(place.path, `lock.${abandoned}`, abandoned), '');
    const alive = `lock.${process.pid}-${self}-${bootId()}-${randomUUID()}`;
    mkdirSync(join(place.path, alive));
    (await lockStore(place.path))[Symbol.dispose]();
    assert.deepEqual(readdirSync(place.path), [alive]);
    mkdirSync(join(place.path, 'lock'));
    writeFileSync(join(place.path, 'lock', 'of-another-kind'), '');
    await assert.rejects(lockStore(place.path), /locked by what is not known here: "lock\/of-another-kind"/);
  });

  test('of several processes that find a lock of the dead, one has the store', async () => {
    const env = { ...process.env, [COMPETE]: '1' };
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [process.argv[1] as string], { env, stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    try {
      for (let round = 0; round < 60; round++) {
        using place = temporaryDirectory();
        leaveLock(place.path, process.pid, 1);
        const answers = await Promise.all(children.map((child) => tell(child, place.path)));
        assert.deepEqual(answers.sort(), ['conflict', 'conflict', 'conflict', 'owner'], `round ${round}`);
        await Promise.all(children.map((child) => tell(child, '')));
        assert.deepEqual(readdirSync(place.path), []);
      }
    } finally {
      for (const child of children) child.kill();
    }
  });
}
