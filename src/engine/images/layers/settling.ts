import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProaError } from '#common/errors.ts';

/** While an image comes, the disk has its blobs to take in, for which somebody waits. */
const PAUSE_MILLISECONDS = 1000;

/** Brings to disk in the background what was asked for: some time later, and once for all that came until then. */
export class Settling implements AsyncDisposable {
  readonly #settle: () => Promise<void>;
  readonly #hurry = new AbortController();
  #isAsked = false;
  #running: Promise<void> | undefined;

  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  soon(): void {
    this.#isAsked = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#isAsked) {
      await sleep(PAUSE_MILLISECONDS, undefined, { signal: this.#hurry.signal }).catch(() => {});
      this.#isAsked = false;
      await this.#settle();
    }
  }

  /** What was asked for is done at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hurry.abort();
    await this.#running;
  }
}

/** Node.js has no syncfs(2). */
export function syncFileSystem(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sync', ['--file-system', path], { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new ProaError(`sync(1) of "${path}" ended with ${code}`, { kind: 'internal' })),
    );
  });
}
