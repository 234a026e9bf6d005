import { ProaError } from '#common/errors.ts';
import { isIndex, isManifest } from '#common/image-spec/media-types.ts';
import type { Descriptor, Platform } from '#common/image-spec/types.ts';
import { parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import { inParallel } from '#engine/async/parallel.ts';
import type { FetchedManifest } from '../registry/client.ts';
import { type OnEvent, progressTeller } from './events.ts';
import { choosePlatform } from './platform.ts';

/** Where images are: a registry's repository, a content store, a directory in the OCI layout. */
export interface ImageSource {
  /** The manifest or index that has this name here. */
  find(name: string): Promise<FetchedManifest | undefined>;
  /** A part of an index. Undefined where it is not here: of other platforms, it need not be. */
  part(descriptor: Descriptor): Promise<FetchedManifest | undefined>;
  /** All bytes of a blob, in order; not verified. */
  read(descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

/** Where images go. What comes is verified before it has its name there. */
export interface ImageTarget {
  /** Takes a blob, unless it is there. Answers whether it had to be read. */
  putBlob(descriptor: Descriptor, read: () => AsyncIterable<Uint8Array>): Promise<boolean>;
  /** Takes a manifest whose parts have been taken; `name` is undefined for a part of an index. */
  putManifest(manifest: FetchedManifest, name: string | undefined): Promise<void>;
}

export interface CopyOptions {
  source: ImageSource;
  target: ImageTarget;
  /** Of an index: the one manifest for a platform, without the index; everything that is there when absent. */
  platform?: Platform | undefined;
  onEvent?: OnEvent | undefined;
}

const WIDTH = 5;

/**
 * Copies an image as it is, no layer is unpacked or compressed anew: every digest stays. At the target it gets the name
 * `to`; without one it has just its digest. Answers what was copied. Throws `not-found` where the source has no such image.
 */
export async function copyImage(from: string, to: string | undefined, options: CopyOptions): Promise<Descriptor> {
  const { source, platform } = options;
  let found = await source.find(from);
  if (found && platform && isIndex(found.descriptor.mediaType)) {
    found = await source.part(choosePlatform(parseIndex(found.text).manifests, platform));
  }
  if (!found) throw new ProaError(`no image "${from}"`, { kind: 'not-found' });
  await copyTree(found, to, options);
  return found.descriptor;
}

/** What a document leads to goes before it: a registry refuses what names the unknown. */
async function copyTree(found: FetchedManifest, name: string | undefined, options: CopyOptions): Promise<void> {
  const { mediaType } = found.descriptor;
  if (isIndex(mediaType)) {
    for (const entry of parseIndex(found.text).manifests) {
      const part = await options.source.part(entry);
      if (part) await copyTree(part, undefined, options);
    }
  } else if (isManifest(mediaType)) {
    const { config, layers } = parseManifest(found.text);
    const parts = new Map([config, ...layers].map((part) => [part.digest, part]));
    await inParallel([...parts.values()], WIDTH, (part) => copyBlob(part, options));
  } else throw new ProaError(`"${mediaType}" is neither an image manifest nor an index`, { kind: 'unsupported' });
  await options.target.putManifest(found, name);
}

async function copyBlob(descriptor: Descriptor, { source, target, onEvent = () => {} }: CopyOptions): Promise<void> {
  const { digest, size, urls } = descriptor;
  // Of a layer that its owner distributes, registries have but the address.
  if (urls && urls.length > 0) return;
  const tell = progressTeller(onEvent, digest, size);
  const read = async function* () {
    let sent = 0;
    for await (const chunk of source.read(descriptor)) {
      yield chunk;
      sent += chunk.length;
      tell(sent);
    }
  };
  onEvent({ digest, phase: 'waiting' });
  const moved = await target.putBlob(descriptor, read);
  onEvent({ digest, phase: moved ? 'done' : 'exists' });
}
