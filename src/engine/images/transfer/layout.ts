import { readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseIndex } from '#common/image-spec/validate.ts';
import { Blobs } from '../content/blobs.ts';
import { isCode } from '../content/errors.ts';
import { checkLayout } from '../content/layout.ts';
import { nameOf } from '../content/names.ts';
import { ContentStore } from '../content/store.ts';
import { contentSource, storeTarget } from './content-place.ts';
import type { ImageSource, ImageTarget } from './copy.ts';

/** A directory in the OCI image layout, as others call it `oci:PATH`. image-spec, image-layout.md. */
export interface LayoutSource extends ImageSource {
  /** Names in its index. */
  names: string[];
}

/**
 * Opens a directory for reading; nothing in it is changed. A name is what the index says (`org.opencontainers.image.ref.name`);
 * the empty one stands for the only image. Throws `not-found` for a directory that is no layout.
 */
export async function openLayout(path: string): Promise<LayoutSource> {
  await checkLayout(path);
  const { manifests } = parseIndex(await readFile(join(path, 'index.json'), 'utf8'));
  const names = manifests.flatMap((entry) => nameOf(entry) ?? []);
  return { names, ...contentSource(new Blobs(path), (name) => entryFor(manifests, name, path)) };
}

function entryFor(manifests: readonly Descriptor[], name: string, path: string): Descriptor | undefined {
  if (name !== '') return manifests.find((entry) => nameOf(entry) === name);
  if (manifests.length <= 1) return manifests[0];
  throw new ProaError(`"${path}" holds ${manifests.length} images: which one is meant?`, {
    kind: 'invalid',
    remedy: `There is: ${manifests.map((entry) => nameOf(entry) ?? entry.digest).join(', ')}`,
  });
}

/** Opens a directory to copy images into, or makes it. What it has already stays. One writer at a time. */
export async function writeLayout(path: string): Promise<ImageTarget & AsyncDisposable> {
  const store = await ContentStore.open(path);
  const lease = store.lease();
  return {
    ...storeTarget(store, lease),
    async [Symbol.asyncDispose]() {
      lease[Symbol.dispose]();
      store[Symbol.dispose]();
      // The layout of others has no such directory; what was cut stays to be looked at.
      await rmdir(join(path, 'ingest')).catch((error) => {
        if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      });
    },
  };
}
