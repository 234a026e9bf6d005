import { randomUUID } from 'node:crypto';
import { readFileSync, rmdirSync, rmSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { isCode } from './errors.ts';
import { namesIn } from './files.ts';

interface Owner {
  pid: number;
  /** Clock ticks from boot to the process's start: tells it from a later one with its number. proc_pid_stat(5). */
  startTime: number;
  boot: string;
}

const DIRECTORY = 'lock';
const TRIES = 100;

/**
 * Takes the store for this process. Node.js has no flock(2), so the lock is a directory with one file in it, whose name says
 * who has it. rename(2) puts a directory in place of one that is empty and of no other: of several, one succeeds. A file whose
 * owner is gone is removed by its name, which nobody has a second time: whoever has taken the lock meanwhile keeps it. Throws
 * `conflict`, naming the owner.
 */
export async function lockStore(root: string): Promise<Disposable> {
  const lock = join(root, DIRECTORY);
  const { pid, startTime, boot } = await describeProcess(process.pid);
  const name = `${pid}-${startTime}-${boot}-${randomUUID()}`;
  const mine = `${lock}.${name}`;
  try {
    await mkdir(mine);
    await writeFile(join(mine, name), '');
    for (let tries = 1; !(await takesPlace(mine, lock)); tries++) {
      if (tries > TRIES) throw new ProaError(`cannot lock "${root}": its lock comes and goes`, { kind: 'unavailable' });
      await removeDead(root, lock, '');
    }
  } finally {
    await rm(mine, { recursive: true, force: true });
  }
  const held = unlock(lock, name);
  try {
    // Of those that ended before they had it.
    await removeDead(root, root, `${DIRECTORY}.`);
    return held;
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

async function takesPlace(mine: string, lock: string): Promise<boolean> {
  try {
    await rename(mine, lock);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** Removes what the dead have left in a directory. In the lock itself, throws for what is not theirs. */
async function removeDead(root: string, directory: string, prefix: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (!name.startsWith(prefix)) continue;
    const owner = ownerIn(name.slice(prefix.length));
    if (owner && !(await isAlive(owner))) await rm(join(directory, name), { recursive: true, force: true });
    else if (prefix === '') throw owner ? locked(root, owner) : foreign(root, name);
  }
}

function ownerIn(name: string): Owner | undefined {
  const [, pid, startTime, boot] = /^(\d+)-(\d+)-([0-9a-f-]{36})-[0-9a-f-]{36}$/.exec(name) ?? [];
  return boot === undefined ? undefined : { pid: Number(pid), startTime: Number(startTime), boot };
}

function unlock(lock: string, name: string): Disposable {
  return {
    [Symbol.dispose]() {
      rmSync(join(lock, name), { force: true });
      try {
        rmdirSync(lock);
      } catch (error) {
        // The next one has it already.
        if (!isCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
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

function foreign(root: string, name: string): ProaError {
  return new ProaError(`the image store "${root}" is locked by what is not known here: "${DIRECTORY}/${name}"`, {
    kind: 'conflict',
    remedy: 'Remove it when no engine uses the store',
  });
}

async function isAlive(owner: Owner): Promise<boolean> {
  try {
    const now = await describeProcess(owner.pid);
    // One that has ended stays to be seen until its parent looks.
    return now.startTime === owner.startTime && now.boot === owner.boot && !now.hasEnded;
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
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
