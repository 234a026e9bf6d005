import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe } from '#common/errors.ts';
import { isManifest, layerCompression } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseImageConfig, parseManifest } from '#common/image-spec/validate.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Finding } from '../content/check.ts';
import { namesIn } from '../content/files.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { PackedFile } from './packed-file.ts';
import { diffIdIn, PARTIAL, readLayerRecord } from './store.ts';
import { startTool } from './tool.ts';
import { unpackLayer, type Whiteouts } from './unpack.ts';

export interface LayerCheckOptions {
  content: ContentStore;
  programs: { pack: string; unpack: string };
  repair: boolean;
}

/**
 * Compares unpacked layers with what their blobs make of them now: names, kinds, owners, permissions, attributes and content.
 * Where no engine has the stores. With `repair`, one that is different is taken away, so that the next container that
 * needs it has it made anew; not while a container that runs has it.
 */
export async function checkLayersAt(
  root: string,
  { content, programs, repair }: LayerCheckOptions,
): Promise<Finding[]> {
  const blobs = await blobsByDiffId(content);
  const findings: Finding[] = [];
  for (const name of await namesIn(root)) {
    const diffId = diffIdIn(name);
    const blob = diffId && blobs.get(diffId);
    // Mapped ids are not known by their name; and what is not whole the next engine makes anew anyway.
    if (!blob || name.includes('+') || !(await content.blobs.has(blob.digest as Digest))) continue;
    const record = await readLayerRecord(join(root, name));
    if (!record) continue;
    const files = join(root, name, 'files');
    const whiteouts = record.whiteouts ?? 'overlay';
    const detail = await wrongWith(root, files, { diffId, blob, content, programs, whiteouts });
    if (detail === undefined) continue;
    const isUsed = repair && (await isMounted(files));
    const mended = repair && !isUsed;
    if (mended) await takeAway(root, name);
    findings.push({
      what: 'corrupt',
      digest: diffId,
      detail: isUsed ? `${detail}; a container uses it` : detail,
      mended,
    });
  }
  return findings;
}

/** Of every image that is here, also of those that none is by its platform. */
async function blobsByDiffId(content: ContentStore): Promise<Map<Digest, Descriptor>> {
  const found = new Map<Digest, Descriptor>();
  for (const { mediaType, digest } of (await content.reachable()).values()) {
    if (!isManifest(mediaType)) continue;
    const { config, layers } = parseManifest(await content.blobs.readDocument(digest as Digest));
    if (!(await content.blobs.has(config.digest as Digest))) continue;
    try {
      const { rootfs } = parseImageConfig(await content.blobs.readDocument(config.digest as Digest));
      for (const [at, diffId] of rootfs.diff_ids.entries())
        if (layers[at] && layerCompression(layers[at].mediaType)) found.set(diffId as Digest, layers[at]);
    } catch {
      // No image: something else that registries keep.
    }
  }
  return found;
}

interface Wanted extends Pick<LayerCheckOptions, 'content' | 'programs'> {
  diffId: Digest;
  blob: Descriptor;
  whiteouts: Whiteouts;
}

async function wrongWith(root: string, files: string, wanted: Wanted): Promise<string | undefined> {
  const { diffId, blob, content, programs, whiteouts } = wanted;
  const partial = join(root, `${PARTIAL}${randomUUID()}`);
  const compression = layerCompression(blob.mediaType);
  try {
    const fresh = join(partial, 'files');
    await mkdir(fresh, { recursive: true });
    const digest = blob.digest as Digest;
    using file = PackedFile.open(digest, content.blobs.path(digest)).whole();
    if (compression === undefined) return undefined;
    await unpackLayer({ diffId, file, compression }, fresh, { program: programs.unpack, whiteouts });
    const [expected, found] = await allSettled([sumOf(fresh, programs.pack), sumOf(files, programs.pack)] as const);
    return expected === found ? undefined : 'the layer is not unpacked as it is stored';
  } catch (error) {
    return `the layer as it is unpacked: ${describe(error)}`;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Directories that a layer does not name have the time at which they were made: times are left out. */
async function sumOf(directory: string, program: string): Promise<string> {
  const words = ['--upper', directory, '--root-too', '--clamp-time', '0'];
  const { child, ended } = startTool(program, words, directory);
  child.stdin.destroy();
  const hash = createHash('sha256');
  await allSettled([ended, pipeline(child.stdout, hash)]);
  return hash.digest('hex');
}

/** Whether some process sees it as a part of its root: containers run on without an engine. */
async function isMounted(path: string): Promise<boolean> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    // It may end meanwhile.
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    if (mounts.includes(path)) return true;
  }
  return false;
}

/** Renamed first: one that is half removed would not be whole. */
async function takeAway(root: string, name: string): Promise<void> {
  const away = join(root, `${PARTIAL}${randomUUID()}`);
  await rename(join(root, name), away);
  await rm(away, { recursive: true, force: true });
}
