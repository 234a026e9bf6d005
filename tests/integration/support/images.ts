import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { digestOf, put } from '#engine/images/content/fixture.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { type IdMappings, LayerStore } from '#engine/images/layers/store.ts';
import { ImageLibrary } from '#engine/images/library/images.ts';
import type { Digest } from '#engine/images/reference/digest.ts';
import type { TransferEvent } from '#engine/images/transfer/events.ts';

export const program = resolve(process.env['PROA_UNPACK'] ?? 'dist/proa-unpack');
export const packProgram = resolve(process.env['PROA_PACK'] ?? 'dist/proa-pack');
export const baseImage = resolve('dist/base-image.tar');

/** Stores of one engine, in a directory of their own. */
export class Images implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'proa-layers-'));
  content!: ContentStore;
  layers!: LayerStore;
  library!: ImageLibrary;

  static async open(): Promise<Images> {
    const images = new Images();
    images.content = await ContentStore.open(join(images.directory, 'images'));
    images.library = new ImageLibrary(images.content);
    await images.openLayers();
    return images;
  }

  async openLayers(boot?: string): Promise<void> {
    this.layers = await LayerStore.open(this.layersPath, { program, ...(boot !== undefined && { boot }) });
  }

  get layersPath(): string {
    return join(this.directory, 'layers');
  }

  async unpack(name: string, events: TransferEvent[] = [], mappings?: IdMappings): Promise<string[]> {
    const image = await this.library.find(name);
    return this.layers.unpack(image, { content: this.content, onEvent: (event) => events.push(event), mappings });
  }

  /** An image of archives; `diffIds` are what its configuration says of them. */
  async put(name: string, layers: { stored: Uint8Array; compression: string; diffId: Digest }[]): Promise<void> {
    const { content } = this;
    const stored = [];
    for (const { stored: bytes, compression } of layers)
      stored.push(
        await put(content, `application/vnd.oci.image.layer.v1.tar${compression && `+${compression}`}`, bytes),
      );
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
    const config = await put(content, mediaTypes.config[0], { architecture, os: 'linux', rootfs });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest[0], config, layers: stored };
    await content.names.set(`docker.io/library/${name}:latest`, await put(content, mediaTypes.manifest[0], manifest));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.layers?.[Symbol.asyncDispose]();
    this.content[Symbol.dispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A tar archive of what a shell script makes in an empty directory; `words` are tar's, and of what there, if not of all. */
export function tarOf(script: string, ...words: string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'proa-layer-'));
  try {
    execFileSync('sh', ['-ec', script], { cwd: directory });
    const what = words.some((word) => !word.startsWith('-')) ? words : [...words, '.'];
    return execFileSync('tar', ['--create', '--numeric-owner', ...what], { cwd: directory, maxBuffer: 1 << 28 });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const compress = (tar: Buffer, compression: string): Uint8Array => {
  if (compression === 'gzip') return gzipSync(tar);
  return compression === 'zstd' ? execFileSync('zstd', ['--stdout'], { input: tar, maxBuffer: 1 << 28 }) : tar;
};

export const layerOf = (tar: Buffer, compression = 'gzip') => ({
  stored: compress(tar, compression),
  compression,
  diffId: digestOf(tar),
});
