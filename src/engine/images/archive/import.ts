import type { Readable } from 'node:stream';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { ContainerDefaults, Descriptor, Platform } from '#common/image-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { decompressAny } from '../compression/detect.ts';
import { putDocument, putManifest, takeLayer } from '../content/assemble.ts';
import type { ContentStore } from '../content/store.ts';
import type { Reference } from '../reference/parse.ts';
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
  const { output, done } = await decompressAny(input);
  // What is wrong with the input is told first: the other only sees that it ended.
  const [, { layer, diffId }] = await allSettled([done, takeLayer(store, lease, output)] as const);
  const time = created ?? new Date().toISOString();
  const configuration = await putDocument(store, lease, mediaTypes.config[0], {
    created: time,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: time, created_by: 'import', ...(comment !== undefined && { comment }) }],
  });
  const manifest = await putManifest(store, lease, configuration, [layer]);
  await store.names.assign(reference, manifest);
  return manifest;
}
