import type { Descriptor } from '#common/image-spec/types.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { parseReference, type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { Endpoint, RegistryRules } from '../registry/hosts.ts';
import { contentSource } from './content-place.ts';
import { copyImage } from './copy.ts';
import type { OnEvent } from './events.ts';
import { registryTarget } from './registry-place.ts';

export interface PushOptions {
  client: RegistryClient;
  store: ContentStore;
  rules: RegistryRules;
  onEvent?: OnEvent;
}

/** Puts a named image into its registry. Of an index, the manifests that are here go along. Answers what was pushed. */
export async function pushImage(wanted: Reference, options: PushOptions): Promise<Descriptor> {
  const { client, store, rules, onEvent } = options;
  const reference = withDefaultTag(wanted);
  const source = contentSource(store.blobs, (name) => store.names.get(name));
  // Mirrors are for pulling.
  const endpoint = rules.endpointsFor(reference).at(-1) as Endpoint;
  const others = await otherRepositories(store, reference);
  const target = registryTarget(client, endpoint, { mountFrom: (digest) => others.get(digest) });
  // By its digest, where it has no tag.
  return await copyImage(referenceText(reference), reference.tag, { source, target, onEvent });
}

/**
 * Blobs of images that have a name in another repository of the same registry, from where they came or went perhaps: such a
 * registry need not be sent them again.
 */
async function otherRepositories(store: ContentStore, { domain, path }: Reference): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const visit = async (descriptor: Descriptor, repository: string): Promise<void> => {
    if (!(await store.blobs.has(descriptor.digest as Digest))) return;
    for (const child of await store.childrenOf(descriptor)) {
      found.set(child.digest, repository);
      await visit(child, repository);
    }
  };
  for (const { name, descriptor } of store.names.list()) {
    const other = name === undefined ? undefined : parseReference(name);
    if (other && other.domain === domain && other.path !== path) await visit(descriptor, other.path);
  }
  return found;
}
