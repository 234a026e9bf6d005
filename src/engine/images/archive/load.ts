import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseImageConfig, parseIndex } from '#common/image-spec/validate.ts';
import { parseJson } from '#common/json/parse.ts';
import { beginningOf, compressionOf, decompressAny } from '../compression/detect.ts';
import { putManifest } from '../content/assemble.ts';
import type { Lease } from '../content/leases.ts';
import type { ContentStore } from '../content/store.ts';
import { type Digest, isDigest } from '../reference/digest.ts';
import { nameToGive, parseReference, referenceText } from '../reference/parse.ts';

const DOCUMENT_LIMIT = 4 << 20;
/** Of symbolic links from one to another: what Linux follows. */
const LINKS_LIMIT = 40;
const layerTypes = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

export interface Loaded {
  /** Complete names; none for an image that has none in the archive. */
  names: string[];
  target: Descriptor;
}

interface DockerImage {
  Config: string;
  RepoTags?: string[];
  Layers: string[];
}

const dockerManifest = check.list(
  check.object({ __proto__: null, Config: check.text, RepoTags: check.texts, Layers: check.texts }, [
    'Config',
    'Layers',
  ]),
);

type Entry = AsyncIterable<Buffer> & { header: Header; resume(): void };

/** What an archive holds, in whatever order it came. */
interface Contents {
  documents: Map<string, string>;
  /** Files that are no blobs by their name: content by path. */
  files: Map<string, { digest: Digest; size: number }>;
  links: Map<string, string>;
}

/**
 * Loads an archive of images: an OCI layout, Docker's of any version, or both in one. All content is verified; names are
 * given when everything is there, so that an archive that ends early changes nothing.
 */
export async function loadImages(store: ContentStore, input: Readable): Promise<Loaded[]> {
  using lease = store.lease();
  const contents = await readArchive(store, input, lease);
  const images = await imagesIn(store, contents, lease);
  if (images.length === 0)
    throw new ProaError('the archive holds no image: it has neither an index.json nor a manifest.json', {
      kind: 'invalid',
      remedy: 'An archive of a root filesystem alone is imported, not loaded',
    });
  for (const { names, target } of images) {
    for (const name of names) await store.names.set(name, target);
    if (names.length === 0) await store.names.keep(target);
  }
  return images;
}

async function readArchive(store: ContentStore, input: Readable, lease: Lease): Promise<Contents> {
  const contents: Contents = { documents: new Map(), files: new Map(), links: new Map() };
  const archive = extract();
  const { output, done } = await decompressAny(input);
  done.catch(() => {});
  // What is wrong with the archive is seen where it is read.
  pipeline(output, archive).catch(() => {});
  for await (const entry of wholeEntries(archive as AsyncIterable<Entry>)) {
    const { name, type, linkname, size = 0 } = entry.header;
    const path = normal(name);
    if (type === 'symlink' && linkname) contents.links.set(path, normal(join(path, '..', linkname)));
    if (type === 'file' || type === 'contiguous-file') await readFile(path, size, entry, { store, lease, contents });
    entry.resume();
  }
  await done;
  return contents;
}

/** What the reader of archives throws has neither a kind nor the code of a call. */
async function* wholeEntries(archive: AsyncIterable<Entry>): AsyncIterable<Entry> {
  try {
    yield* archive;
  } catch (cause) {
    if (cause instanceof ProaError || (cause as NodeJS.ErrnoException).code !== undefined) throw cause;
    throw new ProaError('the archive is no tar, or is not complete', { kind: 'invalid', cause });
  }
}

async function readFile(
  path: string,
  size: number,
  entry: AsyncIterable<Buffer>,
  { store, lease, contents }: { store: ContentStore; lease: Lease; contents: Contents },
): Promise<void> {
  const digest = digestOfPath(path);
  if (digest) {
    lease.hold(digest);
    await store.blobs.receive({ digest, size }, entry);
  } else if (['index.json', 'manifest.json', 'oci-layout'].includes(path)) {
    contents.documents.set(path, await readText(path, size, entry));
  } else if (/\.(?:json|tar)$/.test(path)) {
    contents.files.set(path, await store.blobs.take(entry, lease));
  }
}

async function readText(path: string, size: number, entry: AsyncIterable<Buffer>): Promise<string> {
  if (size > DOCUMENT_LIMIT)
    throw new ProaError(`${path} of the archive has ${size} bytes, at most ${DOCUMENT_LIMIT} are looked at`, {
      kind: 'invalid',
    });
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function imagesIn(store: ContentStore, contents: Contents, lease: Lease): Promise<Loaded[]> {
  const index = contents.documents.get('index.json');
  const docker = contents.documents.get('manifest.json');
  const entries =
    docker === undefined ? [] : checked<DockerImage[]>(dockerManifest, 'manifest.json', parseJson(docker));
  if (index !== undefined) {
    const { manifests } = parseIndex(index);
    const images = manifests.map((target) => ({ names: namesOf(target), target: plain(target) }));
    for (const { target } of images) await checkComplete(store, target);
    // A single image may have its names in Docker's part alone.
    const [only] = images;
    if (images.length === 1 && only && only.names.length === 0)
      only.names.push(...(entries[0]?.RepoTags ?? []).map(complete));
    return merged(images);
  }
  const images: Loaded[] = [];
  for (const entry of entries) images.push(await dockerImage(store, contents, entry, lease));
  return images;
}

/** containerd.io's name is complete; without it a reference that is no bare tag will do. */
function namesOf({ annotations = {} }: Descriptor): string[] {
  const full = annotations['io.containerd.image.name'];
  if (full) return [complete(full)];
  const reference = annotations['org.opencontainers.image.ref.name'];
  return reference && /[/:]/.test(reference) ? [complete(reference)] : [];
}

function complete(name: string): string {
  return referenceText(nameToGive(parseReference(name)));
}

function plain({ annotations: _names, ...target }: Descriptor): Descriptor {
  return target;
}

/** One image may be there once for each of its names. */
function merged(images: readonly Loaded[]): Loaded[] {
  const byDigest = new Map<string, Loaded>();
  for (const { names, target } of images) {
    const known = byDigest.get(target.digest);
    if (known) known.names.push(...names);
    else byDigest.set(target.digest, { names: [...names], target });
  }
  return [...byDigest.values()];
}

/** A manifest with all that it names. Of an index, one manifest is enough. */
async function checkComplete(store: ContentStore, target: Descriptor): Promise<void> {
  const missing = await firstMissing(store, target);
  if (missing === undefined) return;
  throw new ProaError(`the archive is not complete: ${missing} is missing`, { kind: 'invalid' });
}

async function firstMissing(store: ContentStore, target: Descriptor): Promise<string | undefined> {
  if (!(await store.blobs.has(target.digest as Digest))) return target.digest;
  const missing = await Promise.all((await store.childrenOf(target)).map((child) => firstMissing(store, child)));
  const isList = (mediaTypes.index as readonly string[]).includes(target.mediaType);
  return isList && missing.includes(undefined) ? undefined : missing.find((digest) => digest !== undefined);
}

/** Docker's older form: a manifest is made for what it lists. */
async function dockerImage(store: ContentStore, contents: Contents, entry: DockerImage, lease: Lease): Promise<Loaded> {
  const config = await partOf(store, contents, entry.Config);
  const { rootfs } = parseImageConfig(await store.blobs.readDocument(config.digest));
  const layers: Descriptor[] = [];
  for (const [at, path] of entry.Layers.entries()) {
    const { digest, size } = await partOf(store, contents, path);
    const mediaType = layerTypes[compressionOf(await beginningOf(store.blobs.path(digest)))];
    if (mediaType === layerTypes.none && digest !== rootfs.diff_ids[at])
      throw new ProaError(
        `${path} of the archive is not the layer that the configuration names: ${digest}, expected ${rootfs.diff_ids[at] ?? 'none'}`,
        { kind: 'invalid' },
      );
    layers.push({ mediaType, digest, size });
  }
  const { digest, size } = config;
  const target = await putManifest(store, lease, { mediaType: mediaTypes.config[0], digest, size }, layers);
  return { names: (entry.RepoTags ?? []).map(complete), target };
}

/** A file of the archive, also where its path is a link to another's. */
async function partOf(
  store: ContentStore,
  { files, links }: Contents,
  name: string,
): Promise<{ digest: Digest; size: number }> {
  let path = normal(name);
  for (let count = 0; links.has(path) && count < LINKS_LIMIT; count++) path = links.get(path) as string;
  const known = files.get(path);
  if (known) return known;
  const digest = digestOfPath(path);
  const size = digest && (await store.blobs.size(digest));
  if (!digest || size === undefined)
    throw new ProaError(`the archive is not complete: ${name} is missing`, { kind: 'invalid' });
  return { digest, size };
}

/** Of a path that an image layout gives to a blob. */
function digestOfPath(path: string): Digest | undefined {
  const digest = path.replace(/^blobs\/([^/]+)\//, '$1:');
  return path.startsWith('blobs/') && isDigest(digest) ? digest : undefined;
}

/** A path without `.`, `..` and slashes at its ends: they are keys here, never names of files. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
