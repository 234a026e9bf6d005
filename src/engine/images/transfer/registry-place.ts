import { setTimeout as sleep } from 'node:timers/promises';
import { ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { verified } from '../content/verified.ts';
import type { Digest } from '../reference/digest.ts';
import type { FetchedManifest, RegistryClient } from '../registry/client.ts';
import type { Endpoint } from '../registry/hosts.ts';
import type { ImageSource, ImageTarget } from './copy.ts';
import { IDLE_TRIES, PAUSE_MILLISECONDS, passes } from './fetch.ts';

/**
 * A repository as a source: names are tags or digests. The first of the endpoints that has the image is asked first for
 * all of it; a transfer that is cut goes on where it ended.
 */
export function registrySource(client: RegistryClient, endpoints: readonly Endpoint[]): ImageSource {
  let ordered = endpoints;
  return {
    async find(name) {
      const { endpoint, fetched } = await firstManifest(client, endpoints, name);
      ordered = [endpoint, ...endpoints.filter((other) => other !== endpoint)];
      return fetched;
    },
    part: async ({ digest }) => (await firstManifest(client, ordered, digest)).fetched,
    read: (descriptor) => readPatiently(client, ordered, descriptor),
  };
}

/** The first endpoint that has it. The failure that is told is the last one's: that is the registry itself. */
export async function firstManifest(
  client: RegistryClient,
  endpoints: readonly Endpoint[],
  reference: string,
): Promise<{ endpoint: Endpoint; fetched: FetchedManifest }> {
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      return { endpoint, fetched: await client.manifest(endpoint, reference) };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function* readPatiently(
  client: RegistryClient,
  endpoints: readonly Endpoint[],
  { digest, size }: Descriptor,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let failure: unknown;
  for (const endpoint of endpoints) {
    for (let idle = 0; idle < IDLE_TRIES; ) {
      const before = offset;
      try {
        const { begins, body } = await client.blob(endpoint, digest as Digest, offset);
        let at = begins;
        for await (const chunk of body as AsyncIterable<Buffer>) {
          // A registry without ranges sends once more what has been passed on already.
          const fresh = chunk.subarray(Math.max(0, offset - at));
          at += chunk.length;
          offset += fresh.length;
          if (fresh.length > 0) yield fresh;
        }
        if (offset >= size) return;
        throw new ProaError(`content ${digest} ended after ${offset} of ${size} bytes`, { kind: 'unavailable' });
      } catch (error) {
        failure = error;
        if (!passes(error)) break;
        idle = offset > before ? 1 : idle + 1;
        await sleep(PAUSE_MILLISECONDS * 2 ** idle);
      }
    }
  }
  throw failure;
}

/** A repository as a target; `mountFrom` knows others of the same registry that may have a blob already. */
export function registryTarget(
  client: RegistryClient,
  endpoint: Endpoint,
  { mountFrom = () => undefined }: { mountFrom?: (digest: string) => string | undefined } = {},
): ImageTarget {
  return {
    putBlob: (descriptor, read) =>
      client.pushBlob(endpoint, descriptor, () => verified(descriptor, read()), {
        mountFrom: mountFrom(descriptor.digest),
      }),
    putManifest: ({ descriptor: { digest, mediaType }, text }, name) =>
      client.pushManifest(endpoint, name ?? digest, mediaType, text),
  };
}
