import { ProaError } from '#common/errors.ts';
import { isManifest } from '#common/image-spec/media-types.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Manifest, Platform } from '#common/image-spec/types.ts';
import { parseImageConfig, parseManifest } from '#common/image-spec/validate.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { nameToGive, parseReference, type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import { choosePlatform, ownPlatform } from '../transfer/platform.ts';
import { isPruned, type PruneOptions } from './prune.ts';

/** One image that is here, for one platform. */
export interface Image {
  /** Of its configuration: what Docker calls the image's ID. */
  id: Digest;
  /** Complete names with a tag, and those that are pinned by digest. */
  names: string[];
  target: Descriptor;
  manifest: Descriptor;
  document: Manifest;
  config: ImageConfig;
  /** Of configuration and layers, as they are stored. */
  size: number;
}

export interface HistoryLayer extends HistoryEntry {
  /** As stored; 0 for a step that made no layer. */
  size: number;
}

/** Fewer digits of an ID could be a name as well. */
const SHORTEST_ID = 4;
/** Images come and go. */
const KEPT = 256;

export interface LibraryOptions {
  platform?: Platform;
  fullName?: (text: string) => Promise<string>;
}

/** The images of a content store, as people ask for them. */
export class ImageLibrary {
  readonly #store: ContentStore;
  readonly #platform: Platform;
  readonly #fullName: (text: string) => Promise<string>;
  /** What manifests say, by their digests: content never changes. */
  readonly #read = new Map<string, Pick<Image, 'document' | 'config' | 'size'>>();

  /** `fullName`: what a short name stands for where no image has it. */
  constructor(store: ContentStore, { platform = ownPlatform(), fullName = async (text) => text }: LibraryOptions = {}) {
    this.#store = store;
    this.#platform = platform;
    this.#fullName = fullName;
  }

  /** Every image that is here whole; one for each target, with all its names. */
  async list(): Promise<Image[]> {
    const images = new Map<string, Image>();
    for (const { name, descriptor } of this.#store.names.list()) {
      const known = images.get(descriptor.digest);
      if (known) {
        if (name !== undefined) known.names.push(name);
        continue;
      }
      const image = await this.#open(descriptor, name);
      if (image) images.set(descriptor.digest, image);
    }
    return [...images.values()];
  }

  async #open(descriptor: Descriptor, name: string | undefined): Promise<Image | undefined> {
    const { annotations: _names, ...target } = descriptor;
    const manifest = await this.#localManifest(target);
    if (!manifest) return undefined;
    const content = await this.#contentOf(manifest.digest as Digest);
    const names = name === undefined ? [] : [name];
    return { id: content.document.config.digest as Digest, names, target, manifest, ...content };
  }

  async #contentOf(digest: Digest): Promise<Pick<Image, 'document' | 'config' | 'size'>> {
    const known = this.#read.get(digest);
    if (known) return known;
    const document = parseManifest(await this.#store.blobs.readDocument(digest));
    const config = parseImageConfig(await this.#store.blobs.readDocument(document.config.digest as Digest));
    const size = [document.config, ...document.layers].reduce((sum, part) => sum + part.size, 0);
    const content = { document, config, size };
    this.#read.set(digest, content);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= KEPT) break;
      this.#read.delete(oldest);
    }
    return content;
  }

  /** What runs here, or else whatever of it is here. */
  async #localManifest(target: Descriptor): Promise<Descriptor | undefined> {
    if (!(await this.#store.blobs.has(target.digest as Digest))) return undefined;
    if (isManifest(target.mediaType)) return target;
    const here: Descriptor[] = [];
    for (const child of await this.#store.childrenOf(target))
      if (isManifest(child.mediaType) && (await this.#store.blobs.has(child.digest as Digest))) here.push(child);
    try {
      return choosePlatform(here, this.#platform);
    } catch {
      return here[0];
    }
  }

  /** By name, by digest, or by an ID or its beginning. Throws `not-found`, or `conflict` where several begin so. */
  async find(text: string): Promise<Image> {
    return (await this.#find(text)).image;
  }

  /** With the text that it was found by. */
  async #find(text: string): Promise<{ image: Image; by: string }> {
    const image = await this.#known(text);
    if (image) return { image, by: text };
    const name = idDigits(text) === undefined ? nameOf(text) : undefined;
    const by = name === undefined ? text : await this.#fullName(text);
    const other = name === undefined || nameOf(by) === name ? undefined : await this.#known(by);
    if (other) return { image: other, by };
    throw new ProaError(`no such image: "${text}"`, { kind: 'not-found', remedy: 'Pull it, or check its name' });
  }

  async #known(text: string): Promise<Image | undefined> {
    const named = await this.#named(text);
    if (named) return named;
    const images = await this.list();
    const byId = idMatches(images, text);
    if (byId.length > 1)
      throw new ProaError(`image ID "${text}" is not unique: ${byId.map(({ id }) => id).join(', ')}`, {
        kind: 'conflict',
      });
    return byName(images, text) ?? byId[0];
  }

  /** What has exactly that name, without a look at the others. Not for what may be an ID as well. */
  async #named(text: string): Promise<Image | undefined> {
    if (idDigits(text) !== undefined) return undefined;
    const name = nameOf(text);
    const descriptor = name === undefined ? undefined : this.#store.names.get(name);
    const image = descriptor && (await this.#open(descriptor, undefined));
    if (!image) return undefined;
    const entries = this.#store.names.list().filter((entry) => entry.descriptor.digest === image.target.digest);
    return { ...image, names: entries.flatMap((entry) => entry.name ?? []) };
  }

  /** Gives an image one more name. What had that name before loses it. */
  async tag(text: string, wanted: Reference): Promise<string> {
    const reference = nameToGive(wanted);
    if (reference.digest !== undefined)
      throw new ProaError(`"${referenceText(reference)}" has a digest: a name for an image is made with a tag`, {
        kind: 'invalid',
      });
    const { target } = await this.find(text);
    const name = referenceText(reference);
    await this.#store.names.set(name, target);
    return name;
  }

  /**
   * Takes a name away, and with the last one the image. By its ID an image goes with all names: of several, only with
   * `force`. Answers what went.
   */
  async remove(text: string, { force = false } = {}): Promise<{ untagged: string[]; deleted: Digest[] }> {
    const { image, by } = await this.#find(text);
    const named = nameIn(image, by);
    if (named === undefined && image.names.length > 1 && !force)
      throw new ProaError(`image ${image.id} has several names: ${image.names.join(', ')}`, {
        kind: 'conflict',
        remedy: 'Remove the names one by one, or force it',
      });
    const untagged = named === undefined ? image.names : [named];
    await this.#store.names.remove((name, { digest }) =>
      name === undefined ? named === undefined && digest === image.target.digest : untagged.includes(name),
    );
    const deleted = (await this.#store.collect()).map(({ digest }) => digest);
    return { untagged, deleted };
  }

  /** How the image was made, newest step first. image-spec, config.md, "history". */
  async history(text: string): Promise<HistoryLayer[]> {
    const { config, document } = await this.find(text);
    let layer = 0;
    const steps = (config.history ?? []).map((step) => ({
      ...step,
      size: step.empty_layer ? 0 : (document.layers[layer++]?.size ?? 0),
    }));
    return steps.reverse();
  }

  /** Removes the images that the options choose; then everything that nothing needs. */
  async prune(options: PruneOptions = {}): Promise<{ untagged: string[]; deleted: Digest[]; reclaimed: number }> {
    const gone = (await this.list()).filter((image) => isPruned(image, options));
    const targets = new Set(gone.map(({ target }) => target.digest));
    await this.#store.names.remove((_name, { digest }) => targets.has(digest));
    const removed = await this.#store.collect();
    return {
      untagged: gone.flatMap(({ names }) => names),
      deleted: removed.map(({ digest }) => digest),
      reclaimed: removed.reduce((sum, { size }) => sum + size, 0),
    };
  }
}

function byName(images: readonly Image[], text: string): Image | undefined {
  return (
    images.find((image) => nameIn(image, text) !== undefined) ?? images.find(({ target }) => target.digest === text)
  );
}

function referenceOf(text: string): Reference | undefined {
  try {
    return withDefaultTag(parseReference(text));
  } catch {
    // An ID, perhaps.
    return undefined;
  }
}

function nameOf(text: string): string | undefined {
  const reference = referenceOf(text);
  return reference && referenceText(reference);
}

/** The name of an image that a text stands for. */
function nameIn({ names, target }: Image, text: string): string | undefined {
  const reference = referenceOf(text);
  if (!reference) return undefined;
  const name = referenceText(reference);
  if (names.includes(name)) return name;
  if (reference.digest !== target.digest) return undefined;
  const { digest: _digest, tag: _tag, ...repository } = reference;
  const prefix = referenceText(repository);
  return names.find((known) => known.startsWith(`${prefix}:`) || known.startsWith(`${prefix}@`));
}

/** Undefined for what is no ID, nor the beginning of one. */
function idDigits(text: string): string | undefined {
  const digits = text.replace(/^sha256:/, '');
  return /^[0-9a-f]+$/.test(digits) && digits.length >= SHORTEST_ID ? digits : undefined;
}

function idMatches(images: readonly Image[], text: string): Image[] {
  const digits = idDigits(text);
  if (digits === undefined) return [];
  const matching = images.filter(({ id }) => id.startsWith(`sha256:${digits}`));
  return [...new Map(matching.map((image) => [image.id, image])).values()];
}
