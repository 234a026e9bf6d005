import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { ContainerDefaults, Descriptor } from '#common/image-spec/types.ts';
import type { OverlaySettings } from '#common/protocol/container.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { putDocument, putManifest, takeLayer } from '../content/assemble.ts';
import type { ContentStore } from '../content/store.ts';
import type { Image } from '../library/images.ts';
import type { Reference } from '../reference/parse.ts';
import { startTool } from './tool.ts';

/** What a container changed, by the order of bytes of the paths. */
export interface Change {
  /** Added, changed, deleted. */
  kind: 'A' | 'C' | 'D';
  path: string;
}

/** What is different from the image in a container's root filesystem. `program` is proa-pack. */
export async function changesOf({ lower, upper }: OverlaySettings, program: string): Promise<Change[]> {
  if (upper === undefined) return [];
  const layers = lower.flatMap((path) => ['--lower', path]);
  const { child, ended } = startTool(program, ['--upper', upper, '--list', ...layers], 'changes of the container');
  const [changes] = await allSettled([readChanges(child.stdout), ended] as const);
  return changes;
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
  upper: string,
  { store, program, reference, config, author, comment, created = new Date().toISOString() }: CommitOptions,
): Promise<Descriptor> {
  using lease = store.lease();
  const seconds = String(Math.floor(Date.parse(created) / 1000));
  const { child, ended } = startTool(program, ['--upper', upper, '--clamp-time', seconds], 'a layer of the changes');
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
