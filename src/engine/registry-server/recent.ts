import type { Lease } from '../images/content/leases.ts';
import type { ContentStore } from '../images/content/store.ts';
import type { Digest } from '../images/reference/digest.ts';

export interface RecentOptions {
  store: ContentStore;
  milliseconds: number;
  onError(error: unknown): void;
}

/**
 * Blobs that a client has brought, or was told to be here: for a time nobody's deletion takes them away, so that the
 * manifest which names them can come. What has no manifest when that time is over goes.
 */
export class RecentBlobs implements Disposable {
  readonly #options: RecentOptions;
  /** The one whose time ends first is first. */
  readonly #held = new Map<Digest, { lease: Lease; until: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  /** From now on. Before the blob is looked for, or has its name. */
  hold(digest: Digest): void {
    const { store, milliseconds } = this.#options;
    const lease = this.#held.get(digest)?.lease ?? store.lease();
    lease.hold(digest);
    this.#held.delete(digest);
    this.#held.set(digest, { lease, until: performance.now() + milliseconds });
    this.#timer ??= this.#wait(milliseconds);
  }

  #wait(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#end(), milliseconds).unref();
  }

  #end(): void {
    // A timer may be a moment early.
    const now = performance.now() + 1;
    for (const [digest, { lease, until }] of this.#held) {
      if (until > now) break;
      lease[Symbol.dispose]();
      this.#held.delete(digest);
    }
    const [next] = this.#held.values();
    this.#timer = next && this.#wait(next.until - now);
    this.#options.store.collect().catch(this.#options.onError);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const { lease } of this.#held.values()) lease[Symbol.dispose]();
    this.#held.clear();
  }
}
