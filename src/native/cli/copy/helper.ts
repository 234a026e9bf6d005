import { describe, ProaError } from '#common/errors.ts';
import { childExit } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import type { Body } from '#native/http/body.ts';
import type { BodySource } from '#native/http/client.ts';
import { textOf } from '#sys/bytes.ts';
import { closeAllBut, type OwnedFd, pipe } from '#sys/fd.ts';
import { readAll, writeAll } from '#sys/files.ts';
import { type Child, cloneProcess, SIGKILL, signalProcess } from '#sys/processes.ts';
import { dup3 } from '#sys/raw/file.ts';
import { InputStream } from '../streams/input.ts';
import { OutputStream } from '../streams/output.ts';

/** Files are read and written by a copy of this process, which may wait for disks: this one keeps to the connection. */
class Helper implements Disposable {
  readonly #loop: Loop;
  readonly #child: Child;
  readonly #complaint: OwnedFd;

  /** `ours` is what the helper has as its standard input or output. */
  constructor(loop: Loop, ours: OwnedFd, as: 0 | 1, work: () => void) {
    const [complaint, complaints] = pipe();
    this.#loop = loop;
    this.#complaint = complaint;
    this.#child = cloneProcess({}, () => {
      dup3(ours.number, as, 0);
      dup3(complaints.number, 2, 0);
      // Above all the other end of its own input, which would never end.
      closeAllBut([]);
      try {
        work();
        return 0;
      } catch (error) {
        writeAll(2, describe(error));
        return 1;
      }
    });
    complaints.close();
    ours.close();
  }

  /** Throws what it failed with. */
  async end(): Promise<void> {
    const { code } = await childExit(this.#loop, this.#child);
    if (code === 0) return;
    const text = textOf(readAll(this.#complaint.number));
    throw new ProaError(text || 'the helper that copies files was killed', { kind: 'internal' });
  }

  [Symbol.dispose](): void {
    signalProcess(this.#child.pidfd, SIGKILL);
    this.#child.pidfd.close();
    this.#complaint.close();
  }
}

/** The body of a request that `pack` writes to its standard output. */
export function packedSource(loop: Loop, pack: () => void): BodySource {
  return async (write) => {
    const [output, outputs] = pipe();
    using input = new InputStream(loop, output.number);
    using helper = new Helper(loop, outputs, 1, pack);
    for (let bytes = await input.read(); bytes; bytes = await input.read()) await write(bytes);
    await helper.end();
    output.close();
  };
}

/** Gives a body to `unpack` on its standard input; how many bytes it had. */
export async function unpackBody(loop: Loop, body: Body, unpack: () => void): Promise<number> {
  const [inputs, input] = pipe();
  using helper = new Helper(loop, inputs, 0, unpack);
  let size = 0;
  {
    using end = input;
    using output = new OutputStream(loop, end.number);
    try {
      for (let bytes = await body.read(); bytes; bytes = await body.read()) {
        size += bytes.length;
        await output.write(bytes);
      }
    } catch (error) {
      body.abandon();
      // It reads no more when it has failed, and then has the better words.
      await helper.end();
      throw error;
    }
  }
  await helper.end();
  return size;
}
