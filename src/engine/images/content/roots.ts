import { ProaError } from '#common/errors.ts';
import { isIndex, isManifest, mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import { parseJson } from '#common/json/parse.ts';
import { isVerifiable } from '../reference/digest.ts';
import { type Blobs, DOCUMENT_LIMIT } from './blobs.ts';

/** Manifests and indexes that no index leads to, found among the content itself: images, without their names. */
export async function findRoots(blobs: Blobs): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const below = new Set<string>();
  for (const { digest, size } of await blobs.list()) {
    if (size > DOCUMENT_LIMIT || !isVerifiable(digest) || !(await blobs.isWhole(digest))) continue;
    const document = documentIn(await blobs.readDocument(digest));
    if (!document) continue;
    found.push({ mediaType: document.mediaType, digest, size });
    for (const child of document.children) below.add(child.digest);
  }
  return found.filter(({ digest }) => !below.has(digest));
}

/** Undefined for all other content: a layer, a configuration. */
function documentIn(text: string): { mediaType: string; children: Descriptor[] } | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const value = parseJson(text) as { mediaType?: unknown; manifests?: unknown; layers?: unknown };
    const mediaType =
      typeof value.mediaType === 'string'
        ? value.mediaType
        : (value.manifests ? mediaTypes.index : value.layers ? mediaTypes.manifest : [''])[0];
    if (isIndex(mediaType)) return { mediaType, children: parseIndex(text).manifests };
    if (!isManifest(mediaType)) return undefined;
    parseManifest(text);
    return { mediaType, children: [] };
  } catch (error) {
    if (error instanceof ProaError) return undefined;
    throw error;
  }
}
