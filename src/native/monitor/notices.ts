import { describe } from '#common/errors.ts';
import type { Notice } from '#common/protocol/monitor.ts';
import type { Loop } from '#loop/loop.ts';
import { timestamp } from '#sys/time.ts';
import { inHelper } from './helper.ts';

/** What happens to a container, for all who watch it. */
export class Notices {
  readonly #loop: Loop;
  readonly #watchers = new Set<(notice: Notice) => void>();

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  tell(notice: Notice['notice'], fields: Record<string, unknown> = {}): void {
    if (this.#watchers.size === 0) return;
    const told = { notice, at: timestamp(), ...fields };
    for (const hear of this.#watchers) hear(told);
  }

  watch(hear: (notice: Notice) => void): Disposable {
    this.#watchers.add(hear);
    return { [Symbol.dispose]: () => this.#watchers.delete(hear) };
  }

  /** One thing that goes wrong must not take the others with it: the monitor lives on. */
  attempt(what: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#tellTrouble(what, error);
    }
  }

  /** The like for what may take long, or hang. */
  async attemptInHelper(what: string, body: () => void, limit?: number): Promise<void> {
    try {
      await inHelper(this.#loop, () => ({ answer: body() ?? null }), limit === undefined ? {} : { limit });
    } catch (error) {
      this.#tellTrouble(what, error);
    }
  }

  #tellTrouble(what: string, error: unknown): void {
    this.tell('trouble', { what, failure: describe(error) });
  }
}
