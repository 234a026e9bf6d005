import type { Digest } from '../reference/digest.ts';

/** Protects content that no name leads to yet: of an image that is being fetched or built. */
export interface Lease extends Disposable {
  hold(digest: Digest): void;
}

/** Everybody's leases on one store. They end with the process: what a dead one held is nobody's any more. */
export class Leases {
  readonly #held = new Set<Set<Digest>>();
  readonly #searches = new Set<Set<Digest>[]>();

  begin(): Lease {
    const held = new Set<Digest>();
    this.#held.add(held);
    return {
      hold: (digest) => held.add(digest),
      [Symbol.dispose]: () => {
        if (!this.#held.delete(held)) return;
        for (const ended of this.#searches) ended.push(held);
      },
    };
  }

  /**
   * For who looks for what nobody needs: what was held at any time since counts. A lease that has ended may have got its
   * name after the names were read.
   */
  search(): { isHeld(digest: Digest): boolean } & Disposable {
    const ended: Set<Digest>[] = [];
    this.#searches.add(ended);
    return {
      isHeld: (digest) => [...this.#held, ...ended].some((held) => held.has(digest)),
      [Symbol.dispose]: () => this.#searches.delete(ended),
    };
  }
}
