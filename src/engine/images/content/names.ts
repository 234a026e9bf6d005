import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor, Index } from '#common/image-spec/types.ts';
import { parseIndex } from '#common/image-spec/validate.ts';
import { type Reference, referenceText, withDefaultTag } from '../reference/parse.ts';
import { isCode } from './errors.ts';
import { replaceFileDurably } from './files.ts';

/** The name of an entry. image-spec, annotations.md. */
const REFERENCE = 'org.opencontainers.image.ref.name';

/** The store's index.json is there, and is no index. */
export class BrokenIndex extends ProaError {
  constructor(path: string, cause: unknown) {
    super(`the names of images in "${path}" cannot be read`, {
      kind: 'invalid',
      remedy: 'proa system check --repair finds its images again by their content, without names',
      cause,
    });
  }
}

/**
 * Names of images, in the store's index.json, where any tool that knows the layout finds them. Every change is on disk
 * when it returns; changes wait for each other, reading waits for nothing.
 */
export class Names {
  readonly #path: string;
  #index: Index;
  #last: Promise<unknown> = Promise.resolve();

  /** Where the index was put that could not be read, when this one was made in its place. */
  readonly broken: string | undefined;

  private constructor(path: string, index: Index, broken?: string) {
    this.#path = path;
    this.#index = index;
    this.broken = broken;
  }

  /** Throws a BrokenIndex for one that cannot be read; with `rebuild`, one is made of what that gives. */
  static async open(root: string, rebuild?: () => Promise<Descriptor[]>): Promise<Names> {
    const path = join(root, 'index.json');
    const text = await readIfAny(path);
    try {
      if (text !== undefined) return new Names(path, parseIndex(text));
    } catch (cause) {
      if (!rebuild) throw new BrokenIndex(path, cause);
    }
    const broken = text === undefined ? undefined : `${path}.broken-${Date.now()}`;
    const manifests = broken === undefined ? [] : ((await rebuild?.()) ?? []);
    const names = new Names(path, { schemaVersion: 2, mediaType: mediaTypes.index[0], manifests }, broken);
    // Until the new one is there the old one stays: without any, all content would be nobody's.
    if (broken !== undefined) await copyFile(path, broken);
    await names.#save(names.#index);
    return names;
  }

  get(name: string): Descriptor | undefined {
    return this.#index.manifests.find((entry) => nameOf(entry) === name);
  }

  /** Every entry, also of images without a name. */
  list(): { name: string | undefined; descriptor: Descriptor }[] {
    return this.#index.manifests.map((descriptor) => ({ name: nameOf(descriptor), descriptor }));
  }

  /** Gives a name to content that is there. What had it before, and has no other, stays as an image without a name. */
  set(name: string, descriptor: Descriptor): Promise<void> {
    return this.#change((entries) => {
      const before = entries.find((entry) => nameOf(entry) === name);
      const others = entries.filter(
        (entry) => entry !== before && (nameOf(entry) || entry.digest !== descriptor.digest),
      );
      const named = { ...descriptor, annotations: { ...descriptor.annotations, [REFERENCE]: name } };
      const isLost = before && [...others, named].every(({ digest }) => digest !== before.digest);
      return [...others, ...(isLost ? [nameless(before)] : []), named];
    });
  }

  /** Gives the reference, a tag where it has none, to content that is there; without one the content is kept all the same. */
  async assign(reference: Reference | undefined, descriptor: Descriptor): Promise<void> {
    if (reference) await this.set(referenceText(withDefaultTag(reference)), descriptor);
    else await this.keep(descriptor);
  }

  /** Keeps an image that has no name. */
  keep(descriptor: Descriptor): Promise<void> {
    return this.#change((entries) =>
      entries.some(({ digest }) => digest === descriptor.digest) ? entries : [...entries, nameless(descriptor)],
    );
  }

  /** Takes names away; whether there was one. */
  async remove(matches: (name: string | undefined, descriptor: Descriptor) => boolean): Promise<boolean> {
    let removed = false;
    await this.#change((entries) => {
      const kept = entries.filter((entry) => !matches(nameOf(entry), entry));
      removed = kept.length < entries.length;
      return kept;
    });
    return removed;
  }

  #change(edit: (entries: Descriptor[]) => Descriptor[]): Promise<void> {
    const changed = this.#last.then(async () => {
      const next = { ...this.#index, manifests: edit(this.#index.manifests) };
      await this.#save(next);
      this.#index = next;
    });
    this.#last = changed.catch(() => {});
    return changed;
  }

  async #save(index: Index): Promise<void> {
    await replaceFileDurably(this.#path, `${JSON.stringify(index)}\n`);
  }
}

async function readIfAny(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** What an entry of an index is called. */
export function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REFERENCE];
}

function nameless({ annotations: { [REFERENCE]: _name, ...annotations } = {}, ...descriptor }: Descriptor): Descriptor {
  return Object.keys(annotations).length > 0 ? { ...descriptor, annotations } : descriptor;
}
