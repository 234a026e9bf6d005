const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** Who kept a container for so long has put it in order: what goes wrong then is something new. */
const WELL_MILLISECONDS = 10_000;

interface Recovery {
  /** Who puts the container in order, or keeps it since then. */
  pid: number | undefined;
  /** How often that has failed. */
  failures: number;
  /** When it began, or is to begin. */
  at: number;
}

/**
 * Lost containers, each of which one process puts in order: until that has recorded itself, its predecessor's record
 * stands. One that fails is followed by another, later each time. `now` gives milliseconds.
 */
export class Recoveries {
  readonly #recoveries = new Map<string, Recovery>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(id: string): void {
    if (!this.#recoveries.has(id)) this.#recoveries.set(id, { pid: undefined, failures: 0, at: this.#now() });
  }

  /** Forks for those whose time has come. */
  begin(fork: (id: string, failures: number) => number): void {
    for (const [id, recovery] of this.#recoveries) {
      if (recovery.pid !== undefined || recovery.at > this.#now()) continue;
      recovery.pid = fork(id, recovery.failures);
      recovery.at = this.#now();
    }
  }

  /** Some child has ended, with success or without; whether it was one of these. */
  ended(child: number, success: boolean): boolean {
    for (const [id, recovery] of this.#recoveries) {
      if (recovery.pid !== child) continue;
      if (success) {
        this.#recoveries.delete(id);
        return true;
      }
      const now = this.#now();
      const failures = now - recovery.at >= WELL_MILLISECONDS ? 1 : recovery.failures + 1;
      const delay = Math.min(FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY);
      this.#recoveries.set(id, { pid: undefined, failures, at: now + delay });
      return true;
    }
    return false;
  }

  /** Milliseconds until the next may begin; -1 where none waits. */
  get wait(): number {
    const times = [...this.#recoveries.values()].filter(({ pid }) => pid === undefined).map(({ at }) => at);
    return times.length === 0 ? -1 : Math.max(0, Math.ceil(Math.min(...times) - this.#now()));
  }
}
