import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, openSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ProaError } from '#common/errors.ts';
import { layerCompression } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseJson } from '#common/json/parse.ts';
import { allSettled, Slots } from '#engine/async/parallel.ts';
import { isCode } from '../content/errors.ts';
import { makeDirectory, replaceFileDurably } from '../content/files.ts';
import { bootId } from '../content/lock.ts';
import type { ContentStore } from '../content/store.ts';
import type { Image } from '../library/images.ts';
import { type Digest, isDigest } from '../reference/digest.ts';
import type { OnEvent } from '../transfer/events.ts';
import { type IdMappings, mappedRoot, unpackLayer } from './unpack.ts';

export type { IdMappings };

/** What is known of an unpacked layer, beside its files. */
interface LayerRecord {
  /** The boot in which it was unpacked; `null` once all of it is on disk. */
  unsettledSince: string | null;
}

export interface UnpackImageOptions {
  content: ContentStore;
  onEvent?: OnEvent | undefined;
  mappings?: IdMappings | undefined;
}

const PARTIAL = '.partial-';
const CHUNK_BYTES = 1 << 20;

/**
 * Layers of images, unpacked: `DIFF-ID/files` is a lower directory of overlay, and `DIFF-ID+MAPPINGS/files` the same with
 * mapped owners. A layer is there whole or not at all. Unpacking does not wait for the disk; a layer that was not on it
 * when the machine went down is unpacked anew.
 */
export class LayerStore implements AsyncDisposable {
  readonly #root: string;
  readonly #program: string;
  readonly #boot: string;
  readonly #unpacking = new Map<string, Promise<void>>();
  /** Seen to be whole: they stay so until they are collected, since nobody else works here. */
  readonly #whole = new Set<string>();
  #collections = 0;
  /** As many at a time as there are processors. */
  readonly #slots = new Slots(availableParallelism());
  #settling: Promise<void> | undefined;

  private constructor(root: string, program: string, boot: string) {
    this.#root = root;
    this.#program = program;
    this.#boot = boot;
  }

  /** Below a root that has one owner, as the lock of the content store gives it. Removes what a crash has left. */
  static async open(
    root: string,
    { program, boot = bootId() }: { program: string; boot?: string },
  ): Promise<LayerStore> {
    await makeDirectory(root);
    const store = new LayerStore(root, program, boot);
    for (const name of await readdir(root)) {
      if (!diffIdIn(name) || !(await store.#isWhole(name))) await remove(join(root, name));
    }
    return store;
  }

  /** The files of a layer: a directory for overlay to have below. */
  path(diffId: Digest, mappings?: IdMappings): string {
    return join(this.#directory(nameOf(diffId, mappings)), 'files');
  }

  #directory(name: string): string {
    return join(this.#root, name);
  }

  has(diffId: Digest, mappings?: IdMappings): Promise<boolean> {
    return this.#isWhole(nameOf(diffId, mappings));
  }

  async #isWhole(name: string): Promise<boolean> {
    if (this.#whole.has(name)) return true;
    const before = this.#collections;
    const record = await this.#record(name);
    const isWhole = record !== undefined && (record.unsettledSince === null || record.unsettledSince === this.#boot);
    if (isWhole && before === this.#collections) this.#whole.add(name);
    return isWhole;
  }

  /** One that cannot be read is as good as none: the layer can be made anew. */
  async #record(name: string): Promise<LayerRecord | undefined> {
    try {
      return parseJson(await readFile(join(this.#directory(name), 'layer.json'), 'utf8')) as LayerRecord;
    } catch (error) {
      if (isCode(error, 'ENOENT') || error instanceof ProaError) return undefined;
      throw error;
    }
  }

  /**
   * Unpacks those layers of an image that are not here yet, several at once. Answers the directories of all, the upper one
   * first, as overlay counts them. With `mappings` their owners are those of a user namespace.
   */
  async unpack({ config, document }: Image, options: UnpackImageOptions): Promise<string[]> {
    const { content, mappings } = options;
    using lease = content.lease();
    const layers = config.rootfs.diff_ids.map((diffId, at) => ({
      diffId: diffId as Digest,
      blob: document.layers[at],
    }));
    for (const { blob } of layers) if (blob) lease.hold(blob.digest as Digest);
    await allSettled(
      layers.map(async ({ diffId, blob }) => {
        const isNew = await this.unpackLayer(diffId, blob, options);
        if (isNew && blob) options.onEvent?.({ digest: blob.digest, phase: 'done' });
      }),
    );
    return layers.map(({ diffId }) => this.path(diffId, mappings)).reverse();
  }

  /**
   * The same for one layer: whether it was not here before. `file` is where it can be opened at once, in place of the
   * content's.
   */
  async unpackLayer(
    diffId: Digest,
    blob: Descriptor | undefined,
    { content, onEvent = () => {}, mappings, file }: UnpackImageOptions & { file?: string },
  ): Promise<boolean> {
    if (file === undefined && (await this.has(diffId, mappings))) return false;
    const compression = blob && layerCompression(blob.mediaType);
    if (!compression)
      throw new ProaError(`layer ${diffId} is not of files: "${blob?.mediaType ?? 'nothing'}"`, {
        kind: 'unsupported',
      });
    const digest = blob.digest as Digest;
    // At once, before anything is waited for: what has the path now may be renamed.
    const input = openBlob(digest, file ?? content.blobs.path(digest));
    try {
      if (await this.has(diffId, mappings)) return false;
      await this.#once(nameOf(diffId, mappings), async (directory) => {
        onEvent({ digest, phase: 'unpacking' });
        // Whose a directory is that the layer says nothing of.
        if (mappings) await chown(directory, mappedRoot(mappings.uid), mappedRoot(mappings.gid));
        await unpackLayer({ diffId, input, compression }, directory, {
          program: this.#program,
          mappings,
          onProgress: (current) => onEvent({ digest, phase: 'unpacking', current }),
        });
      });
    } finally {
      input.destroy();
    }
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return true;
  }

  /** Two images that share a layer do not both unpack it. */
  async #once(name: string, fill: (directory: string) => Promise<void>): Promise<void> {
    const running = this.#unpacking.get(name);
    if (running) return running;
    const unpacking = this.#slots.use(() => this.#make(name, fill)).finally(() => this.#unpacking.delete(name));
    this.#unpacking.set(name, unpacking);
    return unpacking;
  }

  async #make(name: string, fill: (directory: string) => Promise<void>): Promise<void> {
    const directory = join(this.#root, `${PARTIAL}${randomUUID()}`);
    try {
      await mkdir(join(directory, 'files'), { recursive: true });
      await fill(join(directory, 'files'));
      const record: LayerRecord = { unsettledSince: this.#boot };
      await writeFile(join(directory, 'layer.json'), JSON.stringify(record));
      // What may be there was not whole.
      await remove(this.#directory(name));
      await rename(directory, this.#directory(name));
    } finally {
      await remove(directory);
    }
  }

  /** All layers that are here. */
  async list(): Promise<Digest[]> {
    return [...new Set((await this.#names()).map((name) => diffIdIn(name) as Digest))];
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.#root)).filter((name) => diffIdIn(name) !== undefined);
  }

  /** Removes layers that `isNeeded` does not know. Answers which. */
  async collect(isNeeded: (diffId: Digest) => boolean): Promise<Digest[]> {
    const gone = new Set<Digest>();
    for (const name of await this.#names()) {
      const diffId = diffIdIn(name) as Digest;
      if (isNeeded(diffId) || this.#unpacking.has(name)) continue;
      // Renamed first: one that is half removed would not be whole.
      const away = join(this.#root, `${PARTIAL}${randomUUID()}`);
      await rename(this.#directory(name), away);
      this.#whole.delete(name);
      this.#collections++;
      await remove(away);
      gone.add(diffId);
    }
    return [...gone];
  }

  /** Brings to disk what was unpacked, and records that it is. */
  async #settle(): Promise<void> {
    const unsettled: string[] = [];
    for (const name of await this.#names())
      if ((await this.#record(name))?.unsettledSince === this.#boot) unsettled.push(name);
    if (unsettled.length === 0) return;
    await syncFileSystem(this.#root);
    const record: LayerRecord = { unsettledSince: null };
    // It may have been collected meanwhile.
    for (const name of unsettled)
      await replaceFileDurably(join(this.#directory(name), 'layer.json'), JSON.stringify(record)).catch((error) => {
        if (!isCode(error, 'ENOENT')) throw error;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settling;
  }
}

function openBlob(digest: Digest, path: string): Readable {
  try {
    return createReadStream(path, { fd: openSync(path, 'r'), highWaterMark: CHUNK_BYTES });
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    throw new ProaError(`layer ${digest} is not here`, { kind: 'not-found', remedy: 'Pull the image again' });
  }
}

function nameOf(diffId: Digest, mappings: IdMappings | undefined): string {
  const own = diffId.replace(':', '-');
  return mappings ? `${own}+${createHash('sha256').update(JSON.stringify(mappings)).digest('hex').slice(0, 16)}` : own;
}

/** Undefined for what is no layer. */
function diffIdIn(name: string): Digest | undefined {
  const diffId = name.replace(/\+[0-9a-f]{16}$/, '').replace('-', ':');
  return isDigest(diffId) ? diffId : undefined;
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

/** Node.js has no syncfs(2). */
function syncFileSystem(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sync', ['--file-system', path], { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new ProaError(`sync(1) of "${path}" ended with ${code}`, { kind: 'internal' })),
    );
  });
}
