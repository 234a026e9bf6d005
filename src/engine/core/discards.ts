import { renameSync, rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '#common/errors.ts';
import { isCode } from '../images/content/errors.ts';

/** What comes at once after a removal is more urgent than this. */
const PAUSE_MILLISECONDS = 200;

/**
 * Directories that nobody wants any more: taken out of the way in one step, so that there is the whole or nothing of them
 * whenever an engine is killed, and nobody waits for each of their files. What is in them goes when there is time, or when
 * the next engine starts.
 */
export class Discards {
  readonly #root: string;
  readonly #full: string[] = [];
  #count = 0;
  #work: Promise<void> | undefined;

  private constructor(root: string) {
    this.#root = root;
  }

  /** `root` is on the file system of what will be discarded: elsewhere that takes its time. */
  static async open(root: string): Promise<Discards> {
    await mkdir(root, { recursive: true, mode: 0o700 });
    const discards = new Discards(root);
    for (const name of await readdir(root)) discards.#empty(join(root, name));
    return discards;
  }

  /** A path that there is not is none of our business. */
  async discard(path: string): Promise<void> {
    const place = this.#place();
    try {
      await rename(path, place);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      // On another file system, or a mount point.
      await rm(path, { recursive: true, force: true });
      return;
    }
    this.#empty(place);
  }

  /** The same for what is in memory, where another thread would begin later than we are done. */
  discardNow(path: string): void {
    const place = this.#place();
    try {
      renameSync(path, place);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      rmSync(path, { recursive: true, force: true });
      return;
    }
    this.#empty(place);
  }

  #place(): string {
    return join(this.#root, `${Date.now()}-${process.pid}-${this.#count++}`);
  }

  #empty(place: string): void {
    this.#full.push(place);
    this.#work ??= this.#emptyAll();
  }

  /** One after the other: nothing else shall wait for a disk because of them. */
  async #emptyAll(): Promise<void> {
    await sleep(PAUSE_MILLISECONDS);
    for (let place = this.#full.shift(); place !== undefined; place = this.#full.shift()) {
      try {
        await rm(place, { recursive: true, force: true });
      } catch (error) {
        process.stderr.write(`proad: "${place}" is left for the next start: ${describe(error)}\n`);
      }
    }
    this.#work = undefined;
  }

  /** Resolves when all of them are gone. */
  async emptied(): Promise<void> {
    await this.#work;
  }
}
