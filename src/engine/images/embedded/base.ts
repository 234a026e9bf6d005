import { createReadStream } from 'node:fs';
import { loadImages } from '../archive/load.ts';
import type { ContentStore } from '../content/store.ts';

/** Beside the engine's program, where the build puts it. */
const archive = new URL('./base-image.tar', import.meta.url);

/**
 * Loads proa/base into a store that has no image yet, so that a first container runs where there is neither network nor
 * registry. Answers whether it did.
 */
export async function addBaseImage(store: ContentStore, path: string | URL = archive): Promise<boolean> {
  if (store.names.list().length > 0) return false;
  await loadImages(store, createReadStream(path));
  return true;
}
