import { finished, type Readable } from 'node:stream';

/** What is worth a turn to the disk and back. */
const WANTED_BYTES = 256 << 10;
const LIMIT_BYTES = 1 << 20;
/** From a slow network less is taken: what is only held here is lost with the process. */
const PATIENCE_MILLISECONDS = 5;

/** What a source does when somebody takes what has come of it. */
interface Source {
  /** It was taken: more may come. */
  taken(): void;
  /** Its memory is no longer looked at. */
  returned?(): void;
}

/**
 * What has come of a stream since it was asked last, all together: who writes it to a disk writes seldom, and the network
 * goes on meanwhile. What came before a failure is given before that is thrown.
 */
export class Gathering {
  #held: Buffer[] = [];
  #bytes = 0;
  #end: { failure: unknown } | undefined;
  #wake = () => {};

  /** Whether that is enough for now. */
  add(chunk: Buffer): boolean {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= WANTED_BYTES || this.#bytes === chunk.length) this.#wake();
    return this.#bytes >= LIMIT_BYTES;
  }

  /** Nothing more comes, because of `failure` if there is one. The first reason counts. */
  end(failure?: unknown): void {
    this.#end ??= { failure };
    this.#wake();
  }

  /** Takes what is held though it is little, since no more can come before. */
  hurry(): void {
    this.#wake();
  }

  async *groups(source: Source): AsyncGenerator<Buffer[]> {
    for (;;) {
      if (this.#bytes === 0 && !this.#end) await this.#change();
      if (this.#bytes > 0 && this.#bytes < WANTED_BYTES && !this.#end) {
        const timer = setTimeout(() => this.#wake(), PATIENCE_MILLISECONDS);
        await this.#change();
        clearTimeout(timer);
      }
      if (this.#held.length > 0) {
        const taken = this.#held;
        this.#held = [];
        this.#bytes = 0;
        source.taken();
        yield taken;
        source.returned?.();
      } else if (this.#end) {
        if (this.#end.failure) throw this.#end.failure;
        return;
      }
    }
  }

  #change(): Promise<void> {
    return new Promise((resume) => {
      this.#wake = resume;
    });
  }
}

/** The same for any stream. */
export async function* gathered(body: Readable): AsyncGenerator<Buffer[]> {
  const gathering = new Gathering();
  body.on('data', (chunk: Buffer) => {
    if (gathering.add(chunk)) body.pause();
  });
  finished(body, { writable: false }, (failure) => gathering.end(failure));
  try {
    yield* gathering.groups({ taken: () => body.resume() });
  } finally {
    body.destroy();
  }
}
