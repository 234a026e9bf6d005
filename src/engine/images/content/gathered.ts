import { finished, type Readable } from 'node:stream';

/**
 * What has come of a stream since it was asked last, all together and at most about `limit` bytes: who writes it to a disk
 * writes seldom, and the network goes on meanwhile. What came before a failure is given before that is thrown.
 */
export async function* gathered(body: Readable, limit = 1 << 20): AsyncGenerator<Buffer[]> {
  let held: Buffer[] = [];
  let bytes = 0;
  let end: { failure: unknown } | undefined;
  let wake = () => {};
  body.on('data', (chunk: Buffer) => {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes >= limit) body.pause();
    wake();
  });
  finished(body, { writable: false }, (failure) => {
    end = { failure };
    wake();
  });
  try {
    for (;;) {
      if (held.length > 0) {
        const taken = held;
        held = [];
        bytes = 0;
        body.resume();
        yield taken;
      } else if (end) {
        if (end.failure) throw end.failure;
        return;
      } else {
        await new Promise<void>((resume) => {
          wake = resume;
        });
      }
    }
  } finally {
    body.destroy();
  }
}
