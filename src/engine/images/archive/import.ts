import { createHash } from 'node:crypto';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { ContainerDefaults, Descriptor, Platform } from '#common/image-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { decompressAny } from '../compression/detect.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import { ownPlatform } from '../transfer/platform.ts';

export interface ImportOptions {
  /** Without one, the image has no name. */
  reference?: Reference | undefined;
  config?: ContainerDefaults;
  platform?: Platform;
  comment?: string;
  /** RFC 3339. */
  created?: string;
}

/**
 * Makes an image of one layer from an archive of a root filesystem, whichever way that is compressed. What the archive
 * holds is looked at when the layer is unpacked.
 */
export async function importImage(
  store: ContentStore,
  input: Readable,
  { reference, config = {}, platform = ownPlatform(), comment, created }: ImportOptions = {},
): Promise<Descriptor> {
  using lease = store.lease();
  const { layer, diffId } = await takeLayer(store, input);
  lease.hold(layer.digest as Digest);
  const time = created ?? new Date().toISOString();
  const put = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const text = JSON.stringify(value);
    const digest: Digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    lease.hold(digest);
    await store.blobs.put(digest, text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const configuration = await put(mediaTypes.config[0], {
    created: time,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: time, created_by: 'import', ...(comment !== undefined && { comment }) }],
  });
  const mediaType = mediaTypes.manifest[0];
  const manifest = await put(mediaType, { schemaVersion: 2, mediaType, config: configuration, layers: [layer] });
  if (reference) await store.names.set(referenceText(withDefaultTag(reference)), manifest);
  else await store.names.keep(manifest);
  return manifest;
}

async function takeLayer(store: ContentStore, input: Readable): Promise<{ layer: Descriptor; diffId: Digest }> {
  const { output, done } = await decompressAny(input);
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      next(null, chunk);
    },
  });
  const gzip = createGzip();
  // What is wrong with the input is told first: the others only see that it ended.
  const [, , taken] = await allSettled([done, pipeline(output, hashing, gzip), store.blobs.take(gzip)] as const);
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...taken };
  return { layer, diffId: `sha256:${hash.digest('hex')}` };
}
