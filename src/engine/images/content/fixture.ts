import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { Digest } from '../reference/digest.ts';
import { ContentStore } from './store.ts';

/** For tests: what they need of a store with images. */

export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

export function temporaryDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'proa-images-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A store in a directory of its own; both are gone at the end. */
export async function temporaryStore(): Promise<{ store: ContentStore } & Disposable> {
  const place = temporaryDirectory();
  const store = await ContentStore.open(place.path);
  return {
    store,
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      place[Symbol.dispose]();
    },
  };
}

/** Stores bytes, a text, or anything else as JSON. */
export async function put(store: ContentStore, mediaType: string, value: unknown): Promise<Descriptor> {
  const data = typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value);
  const digest = digestOf(data);
  await store.blobs.put(digest, data);
  return { mediaType, digest, size: Buffer.byteLength(data) };
}

/** An image of layers that hold what is given; the plain ones are their own difference. */
export async function putImage(
  store: ContentStore,
  layers: readonly (string | Uint8Array)[],
  {
    architecture = 'amd64',
    compression = '',
    ...more
  }: { architecture?: string; compression?: string } & Record<string, unknown> = {},
): Promise<Descriptor> {
  const mediaType = `application/vnd.oci.image.layer.v1.tar${compression && `+${compression}`}`;
  const stored: Descriptor[] = [];
  for (const layer of layers) stored.push(await put(store, mediaType, layer));
  const rootfs = { type: 'layers', diff_ids: stored.map(({ digest }) => digest) };
  const config = await put(store, mediaTypes.config[0], { architecture, os: 'linux', rootfs, ...more });
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest[0], config, layers: stored };
  return put(store, mediaTypes.manifest[0], manifest);
}
