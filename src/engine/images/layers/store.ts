import { createHash, randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { type Compression, layerCompression } from '#common/image-spec/media-types.ts';
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
import { PackedFile } from './packed-file.ts';
import { Settling, syncFileSystem } from './settling.ts';
import { type IdMappings, mappedRoot, type PackedLayer, type UnpackOptions, unpackLayer } from './unpack.ts';

export type { IdMappings };

/** What is known of an unpacked layer, beside its files. */
export interface LayerRecord {
  /** The boot in which it was unpacked; `null` once all of it is on disk. */
  unsettledSince: string | null;
  /** It has whiteouts as an archive has them, and is nothing for an overlay. */
  whiteouts?: 'files';
}

export interface LayerStoreOptions extends Pick<UnpackOptions, 'program' | 'limits' | 'whiteouts'> {
  boot?: string;
}

export interface UnpackImageOptions {
  content: ContentStore;
  onEvent?: OnEvent | undefined;
  mappings?: IdMappings | undefined;
}

export const PARTIAL = '.partial-';

/**
 * Layers of images, unpacked: `DIFF-ID/files` is a lower directory of overlay, and `DIFF-ID+MAPPINGS/files` the same with
 * mapped owners. With `whiteouts: 'files'`, where a file system takes no others, new ones are what an archive has; either
 * serves for copies. A layer is there whole or not at all. Unpacking does not wait for the disk; a layer that was not on it
 * when the machine went down is unpacked anew.
 */
export class LayerStore implements AsyncDisposable {
  readonly #root: string;
  readonly #unpack: Pick<UnpackOptions, 'program' | 'limits' | 'whiteouts'>;
  readonly #boot: string;
  readonly #unpacking = new Map<string, Promise<void>>();
  /** Seen to be whole: they stay so until they are collected, since nobody else works here. */
  readonly #whole = new Set<string>();
  #collections = 0;
  /** As many at a time as there are processors. */
  readonly #slots = new Slots(availableParallelism());
  readonly #settling = new Settling(() => this.#settle());

  private constructor(root: string, unpack: Omit<LayerStoreOptions, 'boot'>, boot: string) {
    this.#root = root;
    this.#unpack = unpack;
    this.#boot = boot;
  }

  /** Below a root that has one owner, as the lock of the content store gives it. Removes what a crash has left. */
  static async open(root: string, { boot = bootId(), ...unpack }: LayerStoreOptions): Promise<LayerStore> {
    await makeDirectory(root);
    const store = new LayerStore(root, unpack, boot);
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
    const isFit = record?.whiteouts === undefined || record.whiteouts === this.#unpack.whiteouts;
    const isOnDisk = record?.unsettledSince === null || record?.unsettledSince === this.#boot;
    const isWhole = record !== undefined && isFit && isOnDisk;
    if (isWhole && before === this.#collections) this.#whole.add(name);
    return isWhole;
  }

  #record(name: string): Promise<LayerRecord | undefined> {
    return readLayerRecord(this.#directory(name));
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

  /** The same for one layer: whether it was not here before. `path` is where its file is, in place of the content's. */
  async unpackLayer(
    diffId: Digest,
    blob: Descriptor | undefined,
    { content, onEvent = () => {}, mappings, path }: UnpackImageOptions & { path?: string },
  ): Promise<boolean> {
    if (path === undefined && (await this.has(diffId, mappings))) return false;
    const compression = compressionOf(diffId, blob);
    const digest = blob?.digest as Digest;
    using file = PackedFile.open(digest, path ?? content.blobs.path(digest)).whole();
    const name = nameOf(diffId, mappings);
    while (!(await this.has(diffId, mappings))) {
      const running = this.#unpacking.get(name);
      // Two images that share a layer do not both unpack it. Why another one's failed need not be a reason here.
      if (running) await running.catch(() => {});
      else {
        onEvent({ digest, phase: 'unpacking' });
        const onProgress = (current: number) => onEvent({ digest, phase: 'unpacking', current });
        await this.#start(name, () =>
          this.#slots.use(() => this.#make(name, { diffId, file, compression }, { mappings, onProgress })),
        );
        return true;
      }
    }
    return false;
  }

  /**
   * Begins with a layer of which only a part stands in the file at `path`. It takes its name when the file is told to be
   * whole, and nothing is left of it when the file is closed before. Undefined where the layer is being unpacked already.
   */
  begin(
    diffId: Digest,
    blob: Descriptor,
    path: string,
    onProgress: (bytes: number) => void,
  ): { file: PackedFile; done: Promise<void> } | undefined {
    const name = nameOf(diffId, undefined);
    if (this.#unpacking.has(name)) return undefined;
    const compression = compressionOf(diffId, blob);
    const file = PackedFile.open(blob.digest as Digest, path);
    // It waits for no slot, and takes none: it may last as long as the network does.
    return { file, done: this.#start(name, () => this.#make(name, { diffId, file, compression }, { onProgress })) };
  }

  #start(name: string, make: () => Promise<void>): Promise<void> {
    const unpacking = make().finally(() => this.#unpacking.delete(name));
    this.#unpacking.set(name, unpacking);
    return unpacking;
  }

  async #make(name: string, layer: PackedLayer, options: Omit<UnpackOptions, 'program'>): Promise<void> {
    const directory = join(this.#root, `${PARTIAL}${randomUUID()}`);
    const files = join(directory, 'files');
    const { mappings } = options;
    try {
      await mkdir(files, { recursive: true });
      // Whose a directory is that the layer says nothing of.
      if (mappings) await chown(files, mappedRoot(mappings.uid), mappedRoot(mappings.gid));
      await unpackLayer(layer, files, { ...options, ...this.#unpack });
      const { whiteouts } = this.#unpack;
      const record: LayerRecord = { unsettledSince: this.#boot, ...(whiteouts === 'files' && { whiteouts }) };
      await writeFile(join(directory, 'layer.json'), JSON.stringify(record));
      // What may be there was not whole.
      await remove(this.#directory(name));
      await rename(directory, this.#directory(name));
    } finally {
      await remove(directory);
    }
    this.#settling.soon();
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
    const unsettled: { name: string; record: LayerRecord }[] = [];
    for (const name of await this.#names()) {
      const record = await this.#record(name);
      if (record?.unsettledSince === this.#boot) unsettled.push({ name, record: { ...record, unsettledSince: null } });
    }
    if (unsettled.length === 0) return;
    await syncFileSystem(this.#root);
    // It may have been collected meanwhile.
    for (const { name, record } of unsettled)
      await replaceFileDurably(join(this.#directory(name), 'layer.json'), JSON.stringify(record)).catch((error) => {
        if (!isCode(error, 'ENOENT')) throw error;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settling[Symbol.asyncDispose]();
  }
}

/** One that cannot be read is as good as none: the layer can be made anew. */
export async function readLayerRecord(directory: string): Promise<LayerRecord | undefined> {
  try {
    return parseJson(await readFile(join(directory, 'layer.json'), 'utf8')) as LayerRecord;
  } catch (error) {
    if (isCode(error, 'ENOENT') || error instanceof ProaError) return undefined;
    throw error;
  }
}

function compressionOf(diffId: Digest, blob: Descriptor | undefined): Compression {
  const compression = blob && layerCompression(blob.mediaType);
  if (compression) return compression;
  throw new ProaError(`layer ${diffId} is not of files: "${blob?.mediaType ?? 'nothing'}"`, { kind: 'unsupported' });
}

function nameOf(diffId: Digest, mappings: IdMappings | undefined): string {
  const own = diffId.replace(':', '-');
  return mappings ? `${own}+${createHash('sha256').update(JSON.stringify(mappings)).digest('hex').slice(0, 16)}` : own;
}

/** Undefined for what is no layer. */
export function diffIdIn(name: string): Digest | undefined {
  const diffId = name.replace(/\+[0-9a-f]{16}$/, '').replace('-', ':');
  return isDigest(diffId) ? diffId : undefined;
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
