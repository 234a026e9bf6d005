/** One at a time for each key; the others wait, in the order in which they came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Whose turn it is keeps it until it is disposed of. Throws the signal's reason when that comes before. */
  async take(key: string, signal?: AbortSignal): Promise<Disposable> {
    const before = this.#last.get(key) ?? Promise.resolve();
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // Who gives up leaves his place to nobody before those that were before him have gone too.
    const last = before.then(() => left);
    this.#last.set(key, last);
    last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return { [Symbol.dispose]: leave };
  }

  /** Whether somebody has a turn, or waits for one: that is known as soon as it was asked for. */
  isTaken(key: string): boolean {
    return this.#last.has(key);
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort);
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
