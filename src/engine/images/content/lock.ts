import { readFileSync, unlinkSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { ProaError } from '#common/errors.ts';
import { isCode } from './errors.ts';

interface Owner {
  pid: number;
  /** Clock ticks from boot to the process's start: tells it from a later one with its number. proc_pid_stat(5). */
  startTime: number;
  boot: string;
}

/**
 * Takes the store for this process. Node.js has no flock(2), so the lock is a file that says who has it; one whose owner
 * is gone counts for nothing. Throws `conflict`, naming the owner.
 */
export async function lockStore(root: string): Promise<Disposable> {
  const path = `${root}/lock.json`;
  const { hasEnded: _ended, ...own } = await describeProcess(process.pid);
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, JSON.stringify(own));
  try {
    // link(2) is what two cannot both succeed in.
    for (let tries = 0; ; tries++) {
      try {
        await link(mine, path);
        return unlock(path);
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        const owner = await readOwner(path);
        if (owner && (await isAlive(owner))) throw locked(root, owner);
        if (tries > 10) throw new ProaError(`cannot lock "${root}": its lock comes and goes`, { kind: 'unavailable' });
        await rm(path, { force: true });
      }
    }
  } finally {
    await rm(mine, { force: true });
  }
}

function unlock(path: string): Disposable {
  return {
    [Symbol.dispose]() {
      try {
        unlinkSync(path);
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error;
      }
    },
  };
}

function locked(root: string, { pid }: Owner): ProaError {
  return new ProaError(`the image store "${root}" is in use by process ${pid}`, {
    kind: 'conflict',
    remedy: 'Stop that engine, or choose another directory',
  });
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Owner;
  } catch {
    // Gone meanwhile, or cut off by a loss of power.
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  try {
    const now = await describeProcess(owner.pid);
    // One that has ended stays to be seen until its parent looks.
    return now.startTime === owner.startTime && now.boot === owner.boot && !now.hasEnded;
  } catch {
    return false;
  }
}

async function describeProcess(pid: number): Promise<Owner & { hasEnded: boolean }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, startTime: Number(fields[19]), boot: bootId(), hasEnded: /[ZX]/.test(fields[0] ?? '') };
}

/** Of this run of the machine: random(4). */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
