import { createReadStream } from 'node:fs';
import { ProaError } from '#common/errors.ts';
import { isIndex } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { inParallel } from '#engine/async/parallel.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { Endpoint, RegistryRules } from '../registry/hosts.ts';
import { type OnEvent, progressTeller } from './events.ts';

export interface PushOptions {
  client: RegistryClient;
  store: ContentStore;
  rules: RegistryRules;
  onEvent?: OnEvent;
  /** A repository of the same registry that may have the layers already. */
  mountFrom?: string;
}

const WIDTH = 5;

/** Puts a named image into its registry. Of an index, the manifests that are here go along. Answers what was pushed. */
export async function pushImage(wanted: Reference, options: PushOptions): Promise<Descriptor> {
  const reference = withDefaultTag(wanted);
  const name = referenceText(reference);
  const target = options.store.names.get(name);
  if (!target) throw new ProaError(`no image "${name}"`, { kind: 'not-found' });
  // Mirrors are for pulling.
  const endpoint = options.rules.endpointsFor(reference).at(-1) as Endpoint;
  await pushTree(target, endpoint, reference.tag ?? target.digest, options);
  return target;
}

/** What a document leads to goes before it: a registry refuses what names the unknown. */
async function pushTree(target: Descriptor, endpoint: Endpoint, as: string, options: PushOptions): Promise<void> {
  const { store, client } = options;
  const digest = target.digest as Digest;
  const children = await store.childrenOf(target);
  if (isIndex(target.mediaType)) {
    for (const child of children) {
      // Of other platforms: they were never here, and the registry may have them.
      if (await store.blobs.has(child.digest as Digest)) await pushTree(child, endpoint, child.digest, options);
    }
  } else await inParallel(children, WIDTH, (child) => pushBlob(child, endpoint, options));
  await client.pushManifest(endpoint, as, target.mediaType, await store.blobs.readDocument(digest));
}

async function pushBlob(descriptor: Descriptor, endpoint: Endpoint, options: PushOptions): Promise<void> {
  const { store, client, onEvent = () => {}, mountFrom } = options;
  const { digest, size } = descriptor;
  const tell = progressTeller(onEvent, digest, size);
  const read = async function* () {
    let sent = 0;
    for await (const chunk of createReadStream(store.blobs.path(digest as Digest), { highWaterMark: 1 << 18 })) {
      yield chunk as Buffer;
      sent += (chunk as Buffer).length;
      tell(sent);
    }
  };
  onEvent({ digest, phase: 'waiting' });
  const sent = await client.pushBlob(endpoint, descriptor, read, { mountFrom });
  onEvent({ digest, phase: sent ? 'done' : 'exists' });
}
