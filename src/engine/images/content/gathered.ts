import { finished, type Readable } from 'node:stream';

/** What is worth a turn to the disk and back. */
const WANTED_BYTES = 256 << 10;
const LIMIT_BYTES = 1 << 20;
/** From a slow network less is taken: what is only held here is lost with the process. */
const PATIENCE_MILLISECONDS = 5;

/**
 * What has come of a stream since it was asked last, all together: who writes it to a disk writes seldom, and the network
 * goes on meanwhile. What came before a failure is given before that is thrown.
 */
export async function* gathered(body: Readable): AsyncGenerator<Buffer[]> {
  let held: Buffer[] = [];
  let bytes = 0;
  let end: { failure: unknown } | undefined;
  let wake = () => {};
  body.on('data', (chunk: Buffer) => {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes >= LIMIT_BYTES) body.pause();
    if (bytes >= WANTED_BYTES || bytes === chunk.length) wake();
  });
  finished(body, { writable: false }, (failure) => {
    end = { failure };
    wake();
  });
  const change = (): Promise<void> =>
    new Promise((resume) => {
      wake = resume;
    });
  try {
    for (;;) {
      if (bytes === 0 && !end) await change();
      if (bytes > 0 && bytes < WANTED_BYTES && !end) {
        const timer = setTimeout(() => wake(), PATIENCE_MILLISECONDS);
        await change();
        clearTimeout(timer);
      }
      if (held.length > 0) {
        const taken = held;
        held = [];
        bytes = 0;
        body.resume();
        yield taken;
      } else if (end) {
        if (end.failure) throw end.failure;
        return;
      }
    }
  } finally {
    body.destroy();
  }
}
