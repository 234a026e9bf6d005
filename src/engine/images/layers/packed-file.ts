import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ProaError } from '#common/errors.ts';
import { isCode } from '../content/errors.ts';
import type { Digest } from '../reference/digest.ts';

const END = 'end';

/**
 * The file of a layer as it is sent, open; or of one that is still on its way: who reads it is told how much of it there
 * is. What is told are lines, as `proa-unpack --grows` takes them.
 */
export class PackedFile implements Disposable {
  readonly #fd: number;
  #isOpen = true;
  #bytes = 0;
  #isWhole = false;
  #reader: Writable | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws `unavailable` when it was closed: its number may be another file's by now. */
  get fd(): number {
    if (this.#isOpen) return this.#fd;
    throw new ProaError('the layer is not wanted any more', { kind: 'unavailable' });
  }

  /** Opened at once, before anything is waited for: what has the path now may be renamed. */
  static open(digest: Digest, path: string): PackedFile {
    try {
      return new PackedFile(openSync(path, 'r'));
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
      throw new ProaError(`layer ${digest} is not here`, { kind: 'not-found', remedy: 'Pull the image again' });
    }
  }

  /** So many bytes are there, from the first on. */
  grown(bytes: number): void {
    this.#bytes = bytes;
    this.#reader?.write(`${bytes}\n`);
  }

  /** What is there is all. */
  whole(): this {
    this.grown(fstatSync(this.fd).size);
    this.#isWhole = true;
    this.#reader?.write(`${END}\n`);
    return this;
  }

  /** Tells one reader, from now on. */
  tell(reader: Writable): void {
    this.#reader = reader;
    reader.write(`${this.#bytes}\n${this.#isWhole ? `${END}\n` : ''}`);
  }

  /** The reader is told that nobody wants it any more, unless it has ended. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reader?.destroy();
    closeSync(this.#fd);
  }
}
