import { createReadStream } from 'node:fs';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { Blobs } from '../content/blobs.ts';
import type { Lease } from '../content/leases.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import type { FetchedManifest } from '../registry/client.ts';
import type { ImageSource, ImageTarget } from './copy.ts';

const CHUNK_BYTES = 1 << 18;

/** Content in the OCI layout as a source; `lookUp` knows the names there. */
export function contentSource(blobs: Blobs, lookUp: (name: string) => Descriptor | undefined): ImageSource {
  const part = async (descriptor: Descriptor): Promise<FetchedManifest | undefined> => {
    const { annotations: _name, ...plain } = descriptor;
    const digest = plain.digest as Digest;
    return (await blobs.has(digest)) ? { descriptor: plain, text: await blobs.readDocument(digest) } : undefined;
  };
  return {
    find: async (name) => {
      const named = lookUp(name);
      return named && part(named);
    },
    part,
    read: ({ digest }) => createReadStream(blobs.path(digest as Digest), { highWaterMark: CHUNK_BYTES }),
  };
}

/** A content store as a target. The lease holds what comes until its name is given. */
export function storeTarget(store: ContentStore, lease: Lease): ImageTarget {
  return {
    async putBlob({ digest, size }, read) {
      lease.hold(digest as Digest);
      return store.blobs.receive({ digest: digest as Digest, size }, read());
    },
    async putManifest({ descriptor, text }, name) {
      lease.hold(descriptor.digest as Digest);
      await store.blobs.put(descriptor.digest as Digest, text);
      if (name !== undefined) await store.names.set(name, descriptor);
    },
  };
}
