import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { ProaError } from '#common/errors.ts';
import { isManifest, mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor, Index } from '#common/image-spec/types.ts';
import { parseManifest } from '#common/image-spec/validate.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { familiarText, parseReference } from '../reference/parse.ts';

export interface Saved {
  /** Complete names, or none for an image that is saved without one. */
  names: readonly string[];
  target: Descriptor;
}

const REFERENCE = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';
/** Two archives of the same images are the same bytes. */
const header = { mtime: new Date(0), uid: 0, gid: 0, mode: 0o644 };

/**
 * Writes images as one archive: an OCI image layout that has Docker's manifest.json too, as Docker writes it since version
 * 25. Whoever reads either finds all names.
 */
export async function saveImages(store: ContentStore, images: readonly Saved[], output: Writable): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, output);
  const filled = fill(archive, store, images).catch((error) => archive.destroy(error));
  await Promise.all([written, filled]);
}

async function fill(archive: Pack, store: ContentStore, images: readonly Saved[]): Promise<void> {
  const blobs = new Map<Digest, Descriptor>();
  for (const { target } of images) await gather(store, target, blobs);
  // Sorted: an archive is made of what it holds, not of the order in which that was asked for.
  for (const [digest, { size }] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = blobName(digest);
    const entry = archive.entry({ ...header, name, size });
    await pipeline(createReadStream(store.blobs.path(digest)), entry);
  }
  put(archive, 'index.json', indexOf(images));
  put(archive, 'manifest.json', await dockerManifest(store, images));
  put(archive, 'oci-layout', { imageLayoutVersion: '1.0.0' });
  archive.finalize();
}

/** Everything below an image that is here; of an index, what there is for other platforms may be missing. */
async function gather(store: ContentStore, descriptor: Descriptor, blobs: Map<Digest, Descriptor>): Promise<void> {
  const digest = descriptor.digest as Digest;
  if (blobs.has(digest)) return;
  const size = await store.blobs.size(digest);
  if (size === undefined) return;
  blobs.set(digest, { ...descriptor, size });
  const children = await store.childrenOf(descriptor);
  for (const child of children) {
    if (isManifest(descriptor.mediaType) && !(await store.blobs.has(child.digest as Digest)))
      throw new ProaError(`image ${digest} is not complete: ${child.digest} is missing`, { kind: 'not-found' });
    await gather(store, child, blobs);
  }
}

function put(archive: Pack, name: string, value: unknown): void {
  archive.entry({ ...header, name }, JSON.stringify(value));
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** An entry for each name, as tools that look for names expect it. */
function indexOf(images: readonly Saved[]): Index {
  const manifests = images.flatMap(({ names, target: { annotations: _own, ...target } }) => {
    if (names.length === 0) return [target];
    return names.map((name) => {
      const { tag } = parseReference(name);
      return { ...target, annotations: { [CONTAINERD_NAME]: name, ...(tag !== undefined && { [REFERENCE]: tag }) } };
    });
  });
  return { schemaVersion: 2, mediaType: mediaTypes.index[0], manifests };
}

async function dockerManifest(store: ContentStore, images: readonly Saved[]): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (const { names, target } of images) {
    const manifest = await localManifest(store, target);
    if (!manifest) continue;
    const { config, layers } = parseManifest(await store.blobs.readDocument(manifest.digest as Digest));
    const tags = names.map((name) => familiarText(parseReference(name))).filter((name) => !name.includes('@'));
    entries.push({
      Config: blobName(config.digest),
      RepoTags: tags,
      Layers: layers.map(({ digest }) => blobName(digest)),
    });
  }
  return entries;
}

/** The first manifest of an image that is here whole. */
async function localManifest(store: ContentStore, target: Descriptor): Promise<Descriptor | undefined> {
  if (isManifest(target.mediaType)) return target;
  for (const child of await store.childrenOf(target))
    if (isManifest(child.mediaType) && (await store.blobs.has(child.digest as Digest))) return child;
  return undefined;
}
