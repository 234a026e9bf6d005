import type { Descriptor } from '#common/image-spec/types.ts';
import type { ContentStore } from '../content/store.ts';
import { type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
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
  /** A repository of the same registry that may have the layers already. */
  mountFrom?: string;
}

/** Puts a named image into its registry. Of an index, the manifests that are here go along. Answers what was pushed. */
export async function pushImage(wanted: Reference, options: PushOptions): Promise<Descriptor> {
  const { client, store, rules, onEvent, mountFrom } = options;
  const reference = withDefaultTag(wanted);
  const source = contentSource(store.blobs, (name) => store.names.get(name));
  // Mirrors are for pulling.
  const endpoint = rules.endpointsFor(reference).at(-1) as Endpoint;
  const target = registryTarget(client, endpoint, { mountFrom });
  // By its digest, where it has no tag.
  return await copyImage(referenceText(reference), reference.tag, { source, target, onEvent });
}
