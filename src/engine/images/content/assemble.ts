import { createHash } from 'node:crypto';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Digest } from '../reference/digest.ts';
import type { Lease } from './leases.ts';
import type { ContentStore } from './store.ts';

/** How new layers are compressed: what every tool of others reads. */
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface NewLayer {
  layer: Descriptor;
  diffId: Digest;
}

/** Keeps a tar archive as a layer. The same archive gives the same layer. */
export async function takeLayer(store: ContentStore, lease: Lease, tar: Readable): Promise<NewLayer> {
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      next(null, chunk);
    },
  });
  const gzip = createGzip();
  const [, taken] = await allSettled([pipeline(tar, hashing, gzip), store.blobs.take(gzip, lease)] as const);
  return { layer: { mediaType: LAYER_TYPE, ...taken }, diffId: `sha256:${hash.digest('hex')}` };
}

/** Keeps an image of what is in the store: the descriptor of its manifest. */
export async function putManifest(
  store: ContentStore,
  lease: Lease,
  config: Descriptor,
  layers: readonly Descriptor[],
): Promise<Descriptor> {
  const mediaType = mediaTypes.manifest[0];
  return putDocument(store, lease, mediaType, { schemaVersion: 2, mediaType, config, layers });
}

export async function putDocument(
  store: ContentStore,
  lease: Lease,
  mediaType: string,
  value: unknown,
): Promise<Descriptor> {
  const text = JSON.stringify(value);
  const digest: Digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  lease.hold(digest);
  await store.blobs.put(digest, text);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}
