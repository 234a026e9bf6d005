import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { writeWhole } from '../images/content/files.ts';
import type { ContentStore } from '../images/content/store.ts';
import { type Digest, isDigest, isVerifiable, partsOf } from '../images/reference/digest.ts';
import { Refusal } from './answer.ts';
import type { RecentBlobs } from './recent.ts';

interface Upload {
  file: FileHandle;
  path: string;
  offset: number;
  /** Of nearly all uploads; other algorithms are computed when the end is known. */
  hash: Hash;
  busy: boolean;
}

/** Uploads that nobody goes on with are forgotten after this time. */
const PATIENCE_MILLISECONDS = 60 * 60 * 1000;

/** Blobs on their way in, piece by piece. distribution-spec, "Pushing a blob in chunks". */
export class Uploads implements AsyncDisposable {
  readonly #store: ContentStore;
  readonly #uploads = new Map<string, Upload & { timer: NodeJS.Timeout }>();

  readonly #recent: RecentBlobs;

  constructor(store: ContentStore, recent: RecentBlobs) {
    this.#store = store;
    this.#recent = recent;
  }

  async begin(): Promise<string> {
    const id = randomUUID();
    const path = this.#store.blobs.ownFile('upload');
    const file = await open(path, 'wx', 0o644);
    const timer = setTimeout(() => this.cancel(id), PATIENCE_MILLISECONDS).unref();
    this.#uploads.set(id, { file, path, offset: 0, hash: createHash('sha256'), busy: false, timer });
    return id;
  }

  offset(id: string): number {
    return this.#get(id).offset;
  }

  #get(id: string): Upload & { timer: NodeJS.Timeout } {
    const upload = this.#uploads.get(id);
    if (!upload) throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', `no upload "${id}"`);
    return upload;
  }

  /** Adds what the body brings; `range` (`FROM-TO`) must go on where the last piece ended. */
  async append(id: string, body: Readable, range: string | undefined): Promise<number> {
    const upload = this.#get(id);
    if (upload.busy) throw new Refusal(416, 'BLOB_UPLOAD_INVALID', 'another piece is still on its way');
    const from = /^(?:bytes )?(\d+)-/.exec(range ?? '')?.[1];
    if (from !== undefined && Number(from) !== upload.offset)
      throw new Refusal(416, 'BLOB_UPLOAD_INVALID', `the next byte is ${upload.offset}, this piece begins at ${from}`);
    upload.timer.refresh();
    upload.busy = true;
    try {
      for await (const chunk of body) {
        await writeWhole(upload.file, chunk as Buffer, upload.offset);
        upload.hash.update(chunk as Buffer);
        upload.offset += (chunk as Buffer).length;
      }
    } finally {
      upload.busy = false;
    }
    return upload.offset;
  }

  /** Makes the upload a blob when it is what `digest` says. */
  async finish(id: string, digest: string | undefined): Promise<Digest> {
    const upload = this.#get(id);
    if (digest === undefined || !isDigest(digest) || !isVerifiable(digest))
      throw new Refusal(400, 'DIGEST_INVALID', `"${digest ?? ''}" is no digest that can be verified`);
    const { algorithm, hex } = partsOf(digest);
    // Of a piece that could not be written, a part may stand behind what was hashed.
    await upload.file.truncate(upload.offset);
    await upload.file.sync();
    const found =
      algorithm === 'sha256' ? upload.hash.digest('hex') : await this.#store.blobs.hashOf(upload.path, algorithm);
    if (found !== hex) {
      await this.cancel(id);
      throw new Refusal(400, 'DIGEST_INVALID', `the content is ${algorithm}:${found}, not ${digest}`);
    }
    this.#recent.hold(digest);
    await this.#store.blobs.adopt(upload.path, digest);
    await this.#forget(id);
    return digest;
  }

  async cancel(id: string): Promise<void> {
    const upload = this.#uploads.get(id);
    await this.#forget(id);
    if (upload) await rm(upload.path, { force: true });
  }

  async #forget(id: string): Promise<void> {
    const upload = this.#uploads.get(id);
    if (!upload) return;
    this.#uploads.delete(id);
    clearTimeout(upload.timer);
    await upload.file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#uploads.keys()]) await this.cancel(id);
  }
}
