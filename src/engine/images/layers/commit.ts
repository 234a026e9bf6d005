import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { ContainerDefaults, Descriptor } from '#common/image-spec/types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { putDocument, putManifest, takeLayer } from '../content/assemble.ts';
import type { ContentStore } from '../content/store.ts';
import type { Image } from '../library/images.ts';
import type { Reference } from '../reference/parse.ts';
import type { SnapshotRoot } from './snapshots.ts';
import { startTool } from './tool.ts';

/** What a container changed, by the order of bytes of the paths. */
export interface Change {
  /** Added, changed, deleted. */
  kind: 'A' | 'C' | 'D';
  path: string;
  /** Of a file that is there; each name of it counts. */
  bytes: number;
}

/** What is different from the image in a container's root filesystem. `program` is proa-pack. */
export async function changesOf(root: SnapshotRoot, program: string): Promise<Change[]> {
  const { child, ended } = startTool(program, ['--list', ...differenceWords(root)], 'changes of the container');
  const [changes] = await allSettled([readChanges(child.stdout), ended] as const);
  return changes;
}

/** How proa-pack is told of what a container has written, and over which layers. */
function differenceWords(root: SnapshotRoot): string[] {
  const isOverlay = root.kind === 'overlay';
  const upper = isOverlay ? root.overlay.upper : root.copyOf && root.path;
  if (upper === undefined) throw new TypeError('a root that nothing is written to');
  const lower = isOverlay ? root.overlay.lower : (root.copyOf?.lower ?? []);
  const copied = !isOverlay && root.copyOf ? ['--copied', root.copyOf.made] : [];
  return ['--upper', upper, ...copied, ...lower.flatMap((path) => ['--lower', path])];
}

async function readChanges(output: Readable): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const line of createInterface({ input: output })) changes.push(JSON.parse(line) as Change);
  return changes;
}

export interface CommitOptions {
  store: ContentStore;
  /** The program proa-pack. */
  program: string;
  /** Without one, the image has no name. */
  reference?: Reference | undefined;
  /** In place of the base's. */
  config?: ContainerDefaults;
  author?: string;
  comment?: string;
  /** RFC 3339. Later times of files become this one, so that the same changes and time give the same image. */
  created?: string;
}

/** Makes an image of another and of what a container has changed in it. */
export async function commitChanges(
  base: Image,
  root: SnapshotRoot,
  { store, program, reference, config, author, comment, created = new Date().toISOString() }: CommitOptions,
): Promise<Descriptor> {
  using lease = store.lease();
  const seconds = String(Math.floor(Date.parse(created) / 1000));
  const { child, ended } = startTool(
    program,
    ['--clamp-time', seconds, ...differenceWords(root)],
    'a layer of the changes',
  );
  const [, { layer, diffId }] = await allSettled([ended, takeLayer(store, lease, child.stdout)] as const);
  const { rootfs, history = [] } = base.config;
  const step = { created, created_by: 'commit', ...(author !== undefined && { author }) };
  const configuration = await putDocument(store, lease, mediaTypes.config[0], {
    ...base.config,
    created,
    ...(author !== undefined && { author }),
    ...(config && { config }),
    rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, diffId] },
    history: [...history, { ...step, ...(comment !== undefined && { comment }) }],
  });
  const manifest = await putManifest(store, lease, configuration, [...base.document.layers, layer]);
  await store.names.assign(reference, manifest);
  return manifest;
}
