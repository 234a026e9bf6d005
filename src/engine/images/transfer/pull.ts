import { ProaError } from '#common/errors.ts';
import { isIndex, isManifest } from '#common/image-spec/media-types.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '#common/image-spec/types.ts';
import { parseImageConfig, parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import { allSettled, inParallel } from '#engine/async/parallel.ts';
import type { Lease } from '../content/leases.ts';
import type { ContentStore } from '../content/store.ts';
import { LayerFollower } from '../layers/following.ts';
import type { LayerStore } from '../layers/store.ts';
import { checkDiffId } from '../layers/unpack.ts';
import type { Digest } from '../reference/digest.ts';
import { type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import type { FetchedManifest, RegistryClient } from '../registry/client.ts';
import type { Endpoint, RegistryRules } from '../registry/hosts.ts';
import type { OnEvent, TransferEvent } from './events.ts';
import { type FetchOptions, fetchBlob } from './fetch.ts';
import { choosePlatform, ownPlatform } from './platform.ts';
import { firstManifest } from './registry-place.ts';

export interface PullOptions {
  client: RegistryClient;
  store: ContentStore;
  rules: RegistryRules;
  platform?: Platform | undefined;
  /** Where layers are unpacked, each as soon as it is verified. */
  layers?: LayerStore | undefined;
  onEvent?: OnEvent;
  signal?: AbortSignal | undefined;
}

export interface Pulled {
  /** What the reference stood for: an index, or the manifest itself. */
  target: Descriptor;
  /** Of the image for the platform. */
  manifest: Descriptor;
  /** Whether the name led elsewhere before. */
  changed: boolean;
}

/** Docker's number. More connections do not make one registry faster. */
const WIDTH = 3;

/**
 * Brings an image into the store and gives it its name. Everything is verified before it is used; a pull that ends early
 * leaves the name as it was, and what came is there for the next.
 */
export async function pullImage(wanted: Reference, options: PullOptions): Promise<Pulled> {
  const reference = withDefaultTag(wanted);
  const { store, rules, onEvent = () => {} } = options;
  const endpoints = rules.endpointsFor(reference);
  using lease = store.lease();
  const { endpoint, fetched: first } = await firstManifest(
    options.client,
    endpoints,
    reference.digest ?? (reference.tag as string),
  );
  const target = await keep(store, lease, first);
  const manifest = await manifestFor(target, first, endpoint, lease, options);
  const document = parseManifest(await store.blobs.readDocument(manifest.digest as Digest));
  // Where it was found is asked first: others may be behind.
  const ordered = [endpoint, ...endpoints.filter((other) => other !== endpoint)];
  const parts = unique(document.layers);
  for (const { digest } of [document.config, ...parts]) {
    lease.hold(digest as Digest);
    onEvent({ digest, phase: 'waiting' });
  }
  const fetchOptions = { client: options.client, store, endpoints: ordered, onEvent, signal: options.signal };
  await fetchBlob(document.config, fetchOptions);
  const config = await readConfig(store, document);
  const { layers } = options;
  if (layers) for (const diffId of config.rootfs.diff_ids) checkDiffId(diffId as Digest);
  if (layers) await fetchAndUnpack(document, config, layers, fetchOptions);
  else await inParallel(parts, WIDTH, (part) => fetchBlob(part, fetchOptions));
  const name = referenceText(reference);
  const changed = store.names.get(name)?.digest !== target.digest;
  await store.names.set(name, target);
  return { target, manifest, changed };
}

/** Layers are done when they are unpacked: until then their being fetched is no end that anybody waits for. */
async function fetchAndUnpack(
  document: Manifest,
  config: ImageConfig,
  layers: LayerStore,
  options: FetchOptions,
): Promise<void> {
  const { store, onEvent } = options;
  const unpacking: Promise<void>[] = [];
  const whileFetched = (event: TransferEvent) => {
    if (event.phase !== 'done' && event.phase !== 'exists') onEvent(event);
  };
  const fetched = inParallel(unique(document.layers), WIDTH, async (blob) => {
    // The same layer may be in an image twice.
    const at = document.layers.findIndex((layer) => layer.digest === blob.digest);
    const diffId = config.rootfs.diff_ids[at] as Digest;
    if (await layers.has(diffId)) {
      await fetchBlob(blob, { ...options, onEvent: whileFetched });
      onEvent({ digest: blob.digest, phase: 'exists' });
      return;
    }
    const follower = new LayerFollower({ layers, content: store, diffId, blob, onEvent });
    try {
      await fetchBlob(blob, { ...options, onEvent: whileFetched, follower });
    } catch (error) {
      follower.lost();
      throw error;
    } finally {
      unpacking.push(follower.done());
    }
  });
  await allSettled([fetched, fetched.catch(() => {}).then(() => allSettled(unpacking))]);
}

async function keep(store: ContentStore, lease: Lease, { descriptor, text }: FetchedManifest): Promise<Descriptor> {
  lease.hold(descriptor.digest as Digest);
  await store.blobs.put(descriptor.digest as Digest, text);
  return descriptor;
}

async function manifestFor(
  target: Descriptor,
  { text }: FetchedManifest,
  endpoint: Endpoint,
  lease: Lease,
  { client, store, platform = ownPlatform() }: PullOptions,
): Promise<Descriptor> {
  if (isManifest(target.mediaType)) return target;
  if (!isIndex(target.mediaType)) {
    throw new ProaError(`"${target.mediaType}" is neither an image manifest nor an index`, {
      kind: 'unsupported',
      remedy: 'Images of Docker before 1.10 have to be pushed anew by a newer one',
    });
  }
  const chosen = choosePlatform(parseIndex(text).manifests, platform);
  const descriptor = await keep(store, lease, await client.manifest(endpoint, chosen.digest));
  return { ...descriptor, ...(chosen.platform && { platform: chosen.platform }) };
}

/** With as many layers as the manifest: otherwise one of the two is not the other's. */
async function readConfig(store: ContentStore, { config, layers }: Manifest): Promise<ImageConfig> {
  const found = parseImageConfig(await store.blobs.readDocument(config.digest as Digest));
  const { length } = found.rootfs.diff_ids;
  if (length === layers.length) return found;
  throw new ProaError(
    `the image has ${layers.length} layers and its configuration knows ${length}: they do not belong together`,
    { kind: 'invalid' },
  );
}

function unique(parts: readonly Descriptor[]): Descriptor[] {
  return [...new Map(parts.map((part) => [part.digest, part])).values()];
}
