import { describe, ProaError } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { type Digest, isVerifiable } from '../reference/digest.ts';
import { isCode } from './errors.ts';
import { BrokenIndex } from './names.ts';
import { ContentStore } from './store.ts';

/** Something that a crash or a disk has left, and whether it was mended. */
export interface Finding {
  what: 'corrupt' | 'missing' | 'unreadable' | 'unreferenced' | 'partial' | 'stranger';
  /** Of the content that it is about; a path below the store's root for what is no content. */
  digest: string;
  /** The image that cannot be used because of it. */
  name?: string;
  detail?: string;
  mended: boolean;
}

/** The same for a store that no engine has open, also for one that none can open. */
export async function checkStoreAt(root: string, { repair = false } = {}): Promise<Finding[]> {
  try {
    using store = await ContentStore.open(root);
    return await checkStore(store, { repair });
  } catch (error) {
    if (!(error instanceof BrokenIndex)) throw error;
    const finding = { what: 'unreadable', digest: 'index.json', detail: describe(error), mended: repair } as const;
    if (!repair) return [finding];
    using store = await ContentStore.open(root, { repair });
    const detail = `${finding.detail}; it is kept as "${store.names.broken}", and images have lost their names`;
    return [{ ...finding, detail }, ...(await checkStore(store, { repair }))];
  }
}

/**
 * Looks at all content and every name. With `repair`, what is corrupt is removed, so that it can be fetched anew, as are
 * images that lack something that nobody can mend here, what nothing leads to, what has come of downloads that ended, and
 * what lies among the content and is none.
 */
export async function checkStore(store: ContentStore, { repair = false } = {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const path of await store.blobs.strangers()) {
    if (repair) await store.blobs.removeStranger(path);
    findings.push({ what: 'stranger', digest: path, mended: repair });
  }
  for (const { digest } of await store.blobs.list()) {
    const wrong = await wrongWith(store, digest);
    if (!wrong) continue;
    if (repair) await store.blobs.remove(digest);
    findings.push({ what: 'corrupt', digest, ...wrong, mended: repair });
  }
  for (const { name, descriptor } of store.names.list()) {
    const finding = await brokenPart(store, descriptor);
    if (!finding) continue;
    if (repair) await store.names.remove((other, entry) => other === name && entry.digest === descriptor.digest);
    findings.push({ ...finding, ...(name !== undefined && { name }), mended: repair });
  }
  findings.push(...(await leftOvers(store, repair)));
  return findings;
}

async function wrongWith(store: ContentStore, digest: Digest): Promise<{ detail?: string } | undefined> {
  if (!isVerifiable(digest)) return undefined;
  try {
    return (await store.blobs.isWhole(digest)) ? undefined : {};
  } catch (error) {
    // Removed meanwhile, or the disk gives it no more.
    return isCode(error, 'ENOENT') ? undefined : { detail: describe(error) };
  }
}

/** The first thing that an image lacks. An index needs but one of its manifests: others may be for other machines. */
async function brokenPart(
  store: ContentStore,
  descriptor: Descriptor,
): Promise<Pick<Finding, 'what' | 'digest' | 'detail'> | undefined> {
  const digest = descriptor.digest as Digest;
  if (!(await store.blobs.has(digest))) return { what: 'missing', digest };
  let children: Descriptor[];
  try {
    children = await store.childrenOf(descriptor);
  } catch (error) {
    return { what: 'unreadable', digest, detail: describe(error) };
  }
  const broken = await Promise.all(children.map((child) => brokenPart(store, child)));
  const isIndex = children.some(({ platform }) => platform !== undefined);
  if (isIndex && broken.some((part) => part === undefined)) return undefined;
  return broken.find((part) => part !== undefined);
}

async function leftOvers(store: ContentStore, repair: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  const reachable = await reachableFrom(store);
  // While a manifest cannot be read nobody knows what it leads to: then nothing is taken for lost.
  for (const { digest } of reachable ? await store.blobs.list() : [])
    if (!reachable?.has(digest)) findings.push({ what: 'unreferenced', digest, mended: repair });
  if (repair && reachable) await store.collect();
  for (const { digest } of await store.blobs.partials())
    findings.push({ what: 'partial', digest, mended: repair && (await store.blobs.removePartial(digest)) });
  return findings;
}

async function reachableFrom(store: ContentStore): Promise<Map<Digest, Descriptor> | undefined> {
  try {
    return await store.reachable();
  } catch (error) {
    if (error instanceof ProaError) return undefined;
    throw error;
  }
}
