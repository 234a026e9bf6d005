import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { type Digest, partsOf } from '../reference/digest.ts';
import { syncDirectory } from './files.ts';

export interface WriterOptions {
  digest: Digest;
  size: number | undefined;
  /** Where it grows, and where it goes when it is whole. */
  partial: string;
  final: string;
  follower?: BlobFollower | undefined;
}

/** Who uses a blob while it comes. */
export interface BlobFollower {
  /** So many bytes stand in the file at `path`, which can be opened in that moment. They are not verified. */
  grown(bytes: number, path: string): void;
  /** All of them stand there, and are what the digest says. Whoever only needs the bytes waits for no disk. */
  verified(path: string): void;
  /** What has come is thrown away. */
  lost(): void;
}

const READ_BYTES = 1 << 20;

/**
 * A blob on its way in. What is written stays when the writer is closed, also across a restart, and the next writer goes
 * on from there; only what has been verified gets the blob's name.
 */
export class BlobWriter implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #file: FileHandle;
  #hash: Hash;
  #offset = 0;
  #open = true;

  private constructor(options: WriterOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
    this.#hash = createHash(partsOf(options.digest).algorithm);
  }

  static async open(options: WriterOptions): Promise<BlobWriter> {
    const writer = new BlobWriter(options, await open(options.partial, 'a+', 0o644));
    try {
      await writer.#catchUp();
      if (writer.#offset > 0) options.follower?.grown(writer.#offset, options.partial);
      return writer;
    } catch (error) {
      await writer.#file.close();
      throw error;
    }
  }

  /** Bytes that are there already. */
  get offset(): number {
    return this.#offset;
  }

  /** A hash cannot be stored half-way: what came before is read again, which is far cheaper than to fetch it again. */
  async #catchUp(): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#offset += bytesRead;
    }
    const { size } = this.#options;
    if (size !== undefined && this.#offset > size) await this.startOver();
  }

  /** Forgets what has come: a source that cannot go on begins anew. */
  async startOver(): Promise<void> {
    if (this.#offset === 0) return;
    this.#options.follower?.lost();
    await this.#file.truncate(0);
    this.#hash = createHash(partsOf(this.#options.digest).algorithm);
    this.#offset = 0;
  }

  /** Throws `invalid` for more than was announced. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const { digest, size, partial, follower } = this.#options;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (size !== undefined && this.#offset + length > size) {
      await this.#discard();
      throw new ProaError(`content ${digest} is longer than the ${size} bytes that were announced`, {
        kind: 'invalid',
      });
    }
    // The hash takes its time while the file is written.
    const written = this.#append(chunks, length);
    for (const chunk of chunks) this.#hash.update(chunk);
    await written;
    this.#offset += length;
    follower?.grown(this.#offset, partial);
  }

  /** Opened for appending: a write goes to the end, whatever was written before. */
  async #append(chunks: readonly Uint8Array[], length: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(chunks as Uint8Array[]);
    if (bytesWritten === length) return;
    // Short of room, or of patience: what is left is written in one piece, until that fails or is done.
    const left = Buffer.concat(chunks).subarray(bytesWritten);
    await this.#file.writeFile(left);
  }

  /**
   * Verifies and keeps the blob. Throws `invalid` when it is not what its digest says; it is discarded then. The follower is
   * told before the blob is on disk and has its name.
   */
  async commit(): Promise<void> {
    const { digest, size, partial, final, follower } = this.#options;
    if (size !== undefined && this.#offset < size) {
      throw new ProaError(`content ${digest} ended after ${this.#offset} of ${size} bytes`, { kind: 'unavailable' });
    }
    const { algorithm, hex } = partsOf(digest);
    const found = this.#hash.digest('hex');
    if (found !== hex) {
      await this.#discard();
      throw new ProaError(`content does not match its digest: expected ${digest}, got ${algorithm}:${found}`, {
        kind: 'invalid',
        remedy: 'Fetch it again; when that does not help, the source is corrupt',
      });
    }
    follower?.verified(partial);
    await this.#file.sync();
    await this.#close();
    await rename(partial, final);
    await syncDirectory(dirname(final));
  }

  /** What is wrong from its beginning is not to be gone on with. */
  async #discard(): Promise<void> {
    this.#options.follower?.lost();
    await this.#close();
    await rm(this.#options.partial, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
