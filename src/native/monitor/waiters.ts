/** Those who wait for something to happen. Who leaves before that is forgotten. */
export class Waiters<T> {
  readonly #waiting = new Set<(value: T) => void>();

  add(told: (value: T) => void): Disposable {
    this.#waiting.add(told);
    return { [Symbol.dispose]: () => this.#waiting.delete(told) };
  }

  tell(value: T): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const told of waiting) told(value);
  }
}

/** What has been told already has nothing to be undone. */
export const nothing: Disposable = { [Symbol.dispose]() {} };
