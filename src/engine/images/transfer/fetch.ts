import { setTimeout as sleep } from 'node:timers/promises';
import { describe, ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { BlobClaim } from '../content/blobs.ts';
import type { ContentStore } from '../content/store.ts';
import type { BlobFollower } from '../content/writer.ts';
import type { Digest } from '../reference/digest.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { Endpoint } from '../registry/hosts.ts';
import { passes as networkPasses } from '../registry/http.ts';
import { type OnEvent, progressTeller } from './events.ts';

export interface FetchOptions {
  client: RegistryClient;
  store: ContentStore;
  /** Tried in order. */
  endpoints: readonly Endpoint[];
  onEvent: OnEvent;
  /** Uses the blob while it comes. */
  follower?: BlobFollower | undefined;
  signal?: AbortSignal | undefined;
}

/** Tries that brought nothing new before an endpoint is given up. */
export const IDLE_TRIES = 5;
export const PAUSE_MILLISECONDS = 250;

/**
 * Brings a blob into the store, unless it is there. What has come once is not fetched again: a transfer that is cut goes
 * on where it ended, also after a restart, and at another mirror. While another brings the same blob this one waits for
 * it, and goes on where that has failed.
 */
export async function fetchBlob(descriptor: Descriptor, options: FetchOptions): Promise<void> {
  const { store, endpoints, onEvent, signal } = options;
  const digest = descriptor.digest as Digest;
  // Held through all tries: who follows the file must not find it changed by another in between.
  using claim = await store.blobs.claim(digest, signal);
  if (!claim) {
    onEvent({ digest, phase: 'exists' });
    options.follower?.verified(store.blobs.path(digest));
    return;
  }
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      await fetchFrom(endpoint, descriptor, claim, options);
      onEvent({ digest, phase: 'done' });
      return;
    } catch (error) {
      if (signal?.aborted) throw error;
      failure ??= error;
    }
  }
  throw failure ?? new ProaError(`nobody has blob ${digest}`, { kind: 'not-found' });
}

async function fetchFrom(
  endpoint: Endpoint,
  descriptor: Descriptor,
  claim: BlobClaim,
  options: FetchOptions,
): Promise<void> {
  const { onEvent, signal } = options;
  const { digest } = descriptor;
  let reached = 0;
  for (let idle = 0; ; ) {
    try {
      await transfer(endpoint, descriptor, claim, options, (offset) => {
        if (offset > reached) idle = 0;
        reached = Math.max(reached, offset);
      });
      return;
    } catch (error) {
      if (signal?.aborted || !passes(error) || ++idle >= IDLE_TRIES) throw error;
      onEvent({ digest, phase: 'retrying', reason: describe(error) });
      await sleep(PAUSE_MILLISECONDS * 2 ** idle, undefined, signal ? { signal } : {});
    }
  }
}

async function transfer(
  endpoint: Endpoint,
  descriptor: Descriptor,
  claim: BlobClaim,
  { client, onEvent, follower }: FetchOptions,
  reached: (offset: number) => void,
): Promise<void> {
  const { digest, size } = descriptor;
  await using writer = await claim.write(size, follower);
  if (writer.offset < size || size === 0) {
    const tell = progressTeller(onEvent, digest, size);
    using blob = await client.blobInBulk(endpoint, digest as Digest, writer.offset);
    // The registry knows no ranges: it sends all of it.
    if (blob.begins < writer.offset) await writer.startOver();
    for await (const chunks of blob.pieces) {
      await writer.write(chunks);
      reached(writer.offset);
      tell(writer.offset);
    }
  }
  onEvent({ digest, phase: 'verifying' });
  await writer.commit();
}

/** A cut connection, a registry that is busy: another time may do. What is wrong stays wrong. */
export function passes(error: unknown): boolean {
  return error instanceof ProaError ? error.kind === 'unavailable' : networkPasses(error);
}
