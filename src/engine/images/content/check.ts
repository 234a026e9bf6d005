import { describe } from '#common/errors.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { Digest } from '../reference/digest.ts';
import type { ContentStore } from './store.ts';

/** Something that a crash or a disk has left, and whether it was mended. */
export interface Finding {
  what: 'corrupt' | 'missing' | 'unreadable' | 'unreferenced' | 'partial';
  digest: string;
  /** The image that cannot be used because of it. */
  name?: string;
  detail?: string;
  mended: boolean;
}

/**
 * Looks at all content and every name. With `repair`, what is corrupt is removed, so that it can be fetched anew, as are
 * images that lack something that nobody can mend here, what nothing leads to, and what has come of downloads that ended.
 */
export async function checkStore(store: ContentStore, { repair = false } = {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { digest } of await store.blobs.list()) {
    if (await store.blobs.isWhole(digest)) continue;
    if (repair) await store.blobs.remove(digest);
    findings.push({ what: 'corrupt', digest, mended: repair });
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
  const reachable = await store.reachable();
  for (const { digest } of await store.blobs.list()) {
    if (!reachable.has(digest)) findings.push({ what: 'unreferenced', digest, mended: repair });
  }
  if (repair) await store.collect();
  for (const { digest } of await store.blobs.partials())
    findings.push({ what: 'partial', digest, mended: repair && (await store.blobs.removePartial(digest)) });
  return findings;
}
