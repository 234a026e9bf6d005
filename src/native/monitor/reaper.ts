import { onSignals } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { type ExitReason, reapOne, SIGCHLD } from '#sys/processes.ts';

/** Reaps every child of this process, orphans that it was given among them, and tells whoever waits for one. */
export class Reaper implements Disposable {
  readonly #signals: Disposable;
  readonly #waiting = new Map<number, (reason: ExitReason) => void>();
  /** Ends of children that nobody knew yet, kept while a start is under way. */
  readonly #unclaimed = new Map<number, ExitReason>();
  #starts = 0;

  constructor(loop: Loop) {
    this.#signals = onSignals(loop, [SIGCHLD], () => this.#reap());
  }

  /** Resolves when the child has ended. */
  exitOf(pid: number): Promise<ExitReason> {
    const early = this.#unclaimed.get(pid);
    if (early) {
      this.#unclaimed.delete(pid);
      return Promise.resolve(early);
    }
    return new Promise((resolve) => this.#waiting.set(pid, resolve));
  }

  /** Until disposed, a child may end before anybody asks for it. */
  expectChild(): Disposable {
    this.#starts++;
    return {
      [Symbol.dispose]: () => {
        this.#starts--;
        if (this.#starts === 0) this.#unclaimed.clear();
      },
    };
  }

  #reap(): void {
    for (let ended = reapOne(); ended; ended = reapOne()) {
      const { pid, reason } = ended;
      const told = this.#waiting.get(pid);
      if (told) {
        this.#waiting.delete(pid);
        told(reason);
      } else if (this.#starts > 0) this.#unclaimed.set(pid, reason);
    }
  }

  [Symbol.dispose](): void {
    this.#signals[Symbol.dispose]();
  }
}
