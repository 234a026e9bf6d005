import { describe } from '#common/errors.ts';
import { isIndex, isManifest, mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor, Index } from '#common/image-spec/types.ts';
import { parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import type { Lease } from '../images/content/leases.ts';
import type { ContentStore } from '../images/content/store.ts';
import { type Digest, isDigest } from '../images/reference/digest.ts';
import { Refusal } from './answer.ts';

/**
 * What the registry has, by repository. A manifest is in the store's index by its repository and digest, and once more
 * for each tag: `app@sha256:…`, `app:1`.
 */
export class Repositories {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** The manifest that a tag or digest stands for. */
  find(repository: string, reference: string): Descriptor {
    const found = this.#store.names.get(entryName(repository, reference));
    if (found) return found;
    if (!this.#exists(repository)) throw new Refusal(404, 'NAME_UNKNOWN', `no repository "${repository}"`);
    throw new Refusal(404, 'MANIFEST_UNKNOWN', `no manifest "${reference}" in "${repository}"`);
  }

  #exists(repository: string): boolean {
    return this.#store.names.list().some(({ name }) => repositoryIn(name) === repository);
  }

  /** Keeps a manifest whose parts are there already. Answers its descriptor. */
  async put(
    repository: string,
    reference: string,
    { mediaType, digest, text }: { mediaType: string; digest: Digest; text: string },
  ): Promise<{ descriptor: Descriptor; subject: Descriptor | undefined }> {
    if (isDigest(reference) && reference !== digest)
      throw new Refusal(400, 'DIGEST_INVALID', `the manifest is ${digest}, not ${reference}`);
    const document = parseDocument(mediaType, text);
    using lease = this.#store.lease();
    lease.hold(digest);
    await this.#checkParts(mediaType, text, lease);
    await this.#store.blobs.put(digest, text);
    const descriptor: Descriptor = { mediaType, digest, size: Buffer.byteLength(text) };
    const { subject, annotations } = document;
    const artifactType = document.artifactType ?? configType(mediaType, text);
    if (artifactType) descriptor.artifactType = artifactType;
    if (annotations) descriptor.annotations = annotations;
    await this.#store.names.set(entryName(repository, digest), descriptor);
    if (!isDigest(reference)) await this.#store.names.set(entryName(repository, reference), descriptor);
    return { descriptor, subject };
  }

  /** A manifest must not be there before what it is made of; an index may be, of other platforms. */
  async #checkParts(mediaType: string, text: string, lease: Lease): Promise<void> {
    if (!isManifest(mediaType)) return;
    const { config, layers } = parseManifest(text);
    for (const { digest, urls } of [config, ...layers]) {
      lease.hold(digest as Digest);
      if (urls?.length || (await this.#store.blobs.has(digest as Digest))) continue;
      throw new Refusal(404, 'MANIFEST_BLOB_UNKNOWN', `the manifest names ${digest}, which is not here`);
    }
  }

  tags(repository: string): string[] {
    const prefix = `${repository}:`;
    const tags = this.#store.names
      .list()
      .flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []));
    if (tags.length === 0 && !this.#exists(repository))
      throw new Refusal(404, 'NAME_UNKNOWN', `no repository "${repository}"`);
    return tags.sort();
  }

  list(): string[] {
    return [...new Set(this.#store.names.list().flatMap(({ name }) => repositoryIn(name) ?? []))].sort();
  }

  /** Manifests whose subject is this one. */
  async referrers(repository: string, digest: string, artifactType: string | undefined): Promise<Index> {
    const manifests: Descriptor[] = [];
    const prefix = `${repository}@`;
    for (const { name, descriptor } of this.#store.names.list()) {
      if (!name?.startsWith(prefix)) continue;
      const text = await this.#store.blobs.readDocument(descriptor.digest as Digest);
      if (parseDocument(descriptor.mediaType, text).subject?.digest !== digest) continue;
      if (artifactType !== undefined && descriptor.artifactType !== artifactType) continue;
      const { 'org.opencontainers.image.ref.name': _name, ...annotations } = descriptor.annotations ?? {};
      manifests.push({ ...descriptor, annotations });
    }
    return { schemaVersion: 2, mediaType: mediaTypes.index[0], manifests };
  }

  /** A tag alone, or a manifest with all its tags; then what nothing leads to any more. */
  async remove(repository: string, reference: string): Promise<void> {
    const { digest } = this.find(repository, reference);
    const own = entryName(repository, reference);
    await this.#store.names.remove((name, descriptor) => {
      if (!isDigest(reference)) return name === own;
      return repositoryIn(name) === repository && descriptor.digest === digest;
    });
    await this.#store.collect();
  }
}

function entryName(repository: string, reference: string): string {
  return isDigest(reference) ? `${repository}@${reference}` : `${repository}:${reference}`;
}

function repositoryIn(name: string | undefined): string | undefined {
  return name === undefined ? undefined : /^(.*?)[:@]/.exec(name)?.[1];
}

function parseDocument(mediaType: string, text: string) {
  try {
    if (isIndex(mediaType)) return parseIndex(text);
    if (isManifest(mediaType)) return parseManifest(text);
  } catch (error) {
    throw new Refusal(400, 'MANIFEST_INVALID', describe(error));
  }
  throw new Refusal(400, 'MANIFEST_INVALID', `"${mediaType}" is neither a manifest nor an index`);
}

/** distribution-spec, "Listing Referrers": what stands for the type where there is none. */
function configType(mediaType: string, text: string): string | undefined {
  return isManifest(mediaType) ? parseManifest(text).config.mediaType : undefined;
}
