import { join } from 'node:path';
import { isIndex, isManifest } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import type { Digest } from '../reference/digest.ts';
import { Blobs } from './blobs.ts';
import { makeDirectory } from './files.ts';
import { ensureLayout } from './layout.ts';
import { type Lease, Leases } from './leases.ts';
import { lockStore } from './lock.ts';
import { Names } from './names.ts';
import { findRoots } from './roots.ts';

/** A pull that is to go on finds what had come of it for so long. */
const PATIENCE_MILLISECONDS = 24 * 60 * 60 * 1000;

/** All content of one engine: an OCI image layout that other tools can read. image-spec, image-layout.md. */
export class ContentStore implements Disposable {
  readonly root: string;
  readonly blobs: Blobs;
  readonly names: Names;
  readonly #lock: Disposable;
  readonly #leases = new Leases();

  private constructor(root: string, { blobs, names, lock }: { blobs: Blobs; names: Names; lock: Disposable }) {
    this.root = root;
    this.blobs = blobs;
    this.names = names;
    this.#lock = lock;
  }

  /**
   * Opens the store below `root`, or makes one. One engine at a time: throws `conflict` for a second. A BrokenIndex is thrown
   * when its names cannot be read; with `repair`, its images are found by their content and have no names.
   */
  static async open(root: string, { repair = false } = {}): Promise<ContentStore> {
    await makeDirectory(root);
    const lock = await lockStore(root);
    try {
      await ensureLayout(root);
      await makeDirectory(join(root, 'blobs', 'sha256'));
      await makeDirectory(join(root, 'ingest'));
      const blobs = new Blobs(root);
      const names = await Names.open(root, repair ? () => findRoots(blobs) : undefined);
      await blobs.removeAbandoned();
      return new ContentStore(root, { blobs, names, lock });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  lease(): Lease {
    return this.#leases.begin();
  }

  /** What a manifest or an index leads to, one step. Other content leads nowhere. */
  async childrenOf({ mediaType, digest }: Descriptor): Promise<Descriptor[]> {
    if (isIndex(mediaType)) return parseIndex(await this.blobs.readDocument(digest as Digest)).manifests;
    if (!isManifest(mediaType)) return [];
    const { config, layers } = parseManifest(await this.blobs.readDocument(digest as Digest));
    return [config, ...layers];
  }

  /**
   * Every digest that a name leads to, with what it was reached by. Parts of an index that are not here, as those of
   * other platforms, are passed over.
   */
  async reachable(): Promise<Map<Digest, Descriptor>> {
    const found = new Map<Digest, Descriptor>();
    const visit = async (descriptor: Descriptor): Promise<void> => {
      const digest = descriptor.digest as Digest;
      if (found.has(digest) || !(await this.blobs.has(digest))) return;
      found.set(digest, descriptor);
      for (const child of await this.childrenOf(descriptor)) await visit(child);
    };
    for (const { descriptor } of this.names.list()) await visit(descriptor);
    return found;
  }

  /**
   * Removes what neither a name nor a lease leads to; gives what was removed. What has come of blobs that nobody has gone
   * on with for a day goes, too.
   */
  async collect(): Promise<{ digest: Digest; size: number }[]> {
    using search = this.#leases.search();
    const kept = await this.reachable();
    const removed: { digest: Digest; size: number }[] = [];
    for (const blob of await this.blobs.list()) {
      // Nothing may come between the question and the removal: who holds a blob looks afterwards whether it is there.
      if (kept.has(blob.digest) || search.isHeld(blob.digest)) continue;
      await this.blobs.remove(blob.digest);
      removed.push(blob);
    }
    for (const { digest, modified } of await this.blobs.partials())
      if (modified < Date.now() - PATIENCE_MILLISECONDS || (await this.blobs.has(digest)))
        await this.blobs.removePartial(digest);
    return removed;
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}
