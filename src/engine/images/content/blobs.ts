import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, renameSync, statSync } from 'node:fs';
import { lstat, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { Turns } from '#engine/async/turns.ts';
import { checkDigest, type Digest, isDigest, isVerifiable, partsOf } from '../reference/digest.ts';
import { isCode, noSuchContent } from './errors.ts';
import { makeDirectory, namesIn, syncDirectory } from './files.ts';
import type { Lease } from './leases.ts';
import { type BlobFollower, BlobWriter } from './writer.ts';

/** Longer manifests and configurations are a mistake or an attack. Registries take 4 MiB. */
export const DOCUMENT_LIMIT = 4 << 20;

/** In `ingest/`, beside what a later writer may go on with, named by its digest. */
type OwnKind = 'take' | 'upload' | 'removed';
const OWN_FILE = /^(?:take|upload|removed)-/;

export interface Expected {
  digest: Digest;
  size?: number | undefined;
}

/** Keeps other writers of a blob away. */
export interface BlobClaim extends Disposable {
  /** Opens it where the last writer ended: `writer.offset` says how much had come. One after the other. */
  write(size: number | undefined, follower?: BlobFollower): Promise<BlobWriter>;
}

/**
 * Content by its digest, as image-spec, image-layout.md, has it: `blobs/ALGORITHM/HEX`. A blob is there whole and
 * verified, or not at all; what has come of one that is not is kept in `ingest/`, to be gone on with.
 */
export class Blobs {
  readonly #root: string;
  readonly #ingest: string;
  readonly #turns = new Turns();

  constructor(root: string) {
    this.#root = root;
    this.#ingest = join(root, 'ingest');
  }

  path(digest: Digest): string {
    const { algorithm, hex } = partsOf(checkDigest(digest, 'digest'));
    return join(this.#root, 'blobs', algorithm, hex);
  }

  /** Bytes; undefined where it is not there. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      const status = await stat(this.path(digest));
      return status.isFile() ? status.size : undefined;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  /** A manifest, an index or a configuration: short, and looked at whole. */
  async readDocument(digest: Digest): Promise<string> {
    const size = await this.size(digest);
    if (size === undefined) throw noSuchContent(digest);
    if (size > DOCUMENT_LIMIT)
      throw new ProaError(`content ${digest} has ${size} bytes: no manifest or configuration is so long`, {
        kind: 'invalid',
      });
    return readFile(this.path(digest), 'utf8');
  }

  /**
   * The right to write a blob, piece by piece and in several tries. One at a time has it: others wait until it is disposed
   * of, or throw the signal's reason. Undefined when the blob is there by then.
   */
  async claim(digest: Digest, signal?: AbortSignal): Promise<BlobClaim | undefined> {
    if (await this.has(digest)) return undefined;
    const turn = await this.#turns.take(digest, signal);
    let isThere = true;
    try {
      isThere = await this.has(digest);
    } finally {
      if (isThere) turn[Symbol.dispose]();
    }
    if (isThere) return undefined;
    const partial = join(this.#ingest, partialName(digest));
    return {
      write: async (size, follower) =>
        BlobWriter.open({ ...(await this.#options({ digest, size }, partial)), follower }),
      [Symbol.dispose]: () => turn[Symbol.dispose](),
    };
  }

  async #options({ digest, size }: Expected, partial: string) {
    if (!isVerifiable(digest)) {
      throw new ProaError(`content ${digest} cannot be verified: its algorithm is not known here`, {
        kind: 'unsupported',
      });
    }
    const final = this.path(digest);
    await makeDirectory(dirname(final));
    await makeDirectory(dirname(partial));
    return { digest, size, partial, final };
  }

  /**
   * Writes a blob that comes from where nobody can go on later: when it ends early, nothing is left of it. Whoever else
   * writes the same blob meanwhile has a file of his own. Answers whether it had to be read: not when it is there.
   */
  async receive(expected: Expected, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<boolean> {
    if (await this.has(expected.digest)) return false;
    const options = await this.#options(expected, this.ownFile('take'));
    try {
      await using writer = await BlobWriter.open(options);
      for await (const chunk of chunks) await writer.write([chunk]);
      await writer.commit();
      return true;
    } finally {
      await rm(options.partial, { force: true });
    }
  }

  /** Writes what is at hand whole. */
  async put(digest: Digest, data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    await this.receive({ digest, size: bytes.length }, [bytes]);
  }

  /** Writes content whose digest is known only when all of it has come: the lease holds it before it has its name. */
  async take(chunks: AsyncIterable<Uint8Array>, lease: Lease): Promise<{ digest: Digest; size: number }> {
    const path = this.ownFile('take');
    const file = await open(path, 'wx', 0o644);
    try {
      const hash = createHash('sha256');
      let size = 0;
      for await (const chunk of chunks) {
        hash.update(chunk);
        await file.writeFile(chunk);
        size += chunk.length;
      }
      await file.sync();
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      lease.hold(digest);
      await this.adopt(path, digest);
      return { digest, size };
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  }

  /** Every blob that is there. */
  async list(): Promise<{ digest: Digest; size: number }[]> {
    const found: { digest: Digest; size: number }[] = [];
    for (const { digest } of await this.#entries()) {
      const size = digest && (await this.size(digest));
      if (digest && size !== undefined) found.push({ digest, size });
    }
    return found;
  }

  /** What lies among the blobs and is none: paths below the store's root. */
  async strangers(): Promise<string[]> {
    const found: string[] = [];
    for (const { digest, path } of await this.#entries())
      if (!digest || (await this.size(digest)) === undefined) found.push(path);
    return found;
  }

  async #entries(): Promise<{ path: string; digest: Digest | undefined }[]> {
    const found: { path: string; digest: Digest | undefined }[] = [];
    for (const algorithm of await namesIn(join(this.#root, 'blobs'))) {
      const directory = join('blobs', algorithm);
      const isDirectory = (await lstat(join(this.#root, directory))).isDirectory();
      if (!isDirectory) found.push({ path: directory, digest: undefined });
      for (const hex of isDirectory ? await namesIn(join(this.#root, directory)) : []) {
        const digest = `${algorithm}:${hex}`;
        found.push({ path: join(directory, hex), digest: isDigest(digest) ? digest : undefined });
      }
    }
    return found;
  }

  /** Of strangers. */
  async removeStranger(path: string): Promise<void> {
    await rm(join(this.#root, path), { recursive: true, force: true });
  }

  /** Whether the content is what its name says. */
  async isWhole(digest: Digest): Promise<boolean> {
    const { algorithm, hex } = partsOf(digest);
    return (await this.hashOf(this.path(digest), algorithm)) === hex;
  }

  /** Of any file, in hexadecimal digits. */
  async hashOf(path: string, algorithm: string): Promise<string> {
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
    return hash.digest('hex');
  }

  /** Makes a file of the same file system a blob; it has been verified and is on disk. */
  async adopt(path: string, digest: Digest): Promise<void> {
    const final = this.path(digest);
    await makeDirectory(dirname(final));
    await rename(path, final);
    await syncDirectory(dirname(final));
  }

  /** What has come of blobs that nobody fetches at the moment, and when the last of it came. */
  async partials(): Promise<{ digest: Digest; modified: number }[]> {
    const found: { digest: Digest; modified: number }[] = [];
    for (const name of await namesIn(this.#ingest)) {
      const digest = name.replace('-', ':');
      if (!isDigest(digest) || this.#turns.isTaken(digest)) continue;
      const status = statSync(join(this.#ingest, name), { throwIfNoEntry: false });
      if (status) found.push({ digest, modified: status.mtimeMs });
    }
    return found;
  }

  /** Whether it could: not what somebody has begun to go on with. */
  async removePartial(digest: Digest): Promise<boolean> {
    if (this.#turns.isTaken(digest)) return false;
    await this.#discard(join(this.#ingest, partialName(digest)));
    return true;
  }

  /** When a store is opened: what only a writer that has ended with its process could go on with. */
  async removeAbandoned(): Promise<void> {
    for (const name of await namesIn(this.#ingest))
      if (OWN_FILE.test(name)) await rm(join(this.#ingest, name), { force: true });
  }

  /** A file in the store's file system for content that is on its way, which no other goes on with. */
  ownFile(kind: OwnKind): string {
    return join(this.#ingest, `${kind}-${randomUUID()}`);
  }

  /**
   * When it returns a promise, the blob has lost its name: nobody finds it any more who asks from now on. The rest, which
   * takes time for a large file, is waited for.
   */
  remove(digest: Digest): Promise<void> {
    return this.#discard(this.path(digest));
  }

  async #discard(path: string): Promise<void> {
    const aside = this.ownFile('removed');
    try {
      renameSync(path, aside);
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error;
    }
    await rm(aside, { force: true });
  }
}

function partialName(digest: Digest): string {
  return digest.replace(':', '-');
}
