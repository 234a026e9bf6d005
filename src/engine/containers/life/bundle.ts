import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import type { FilesMount, FilesRoot } from '#common/protocol/files.ts';
import type { Engine } from '../../core/engine.ts';
import type { SnapshotRoot } from '../../images/layers/snapshots.ts';
import type { Digest } from '../../images/reference/digest.ts';
import type { Container } from '../container.ts';
import { hostNameOf, networkOwner, ownFiles, writeNetworkFiles } from '../files/network-files.ts';
import { partOfImage } from '../files/tool.ts';
import type { ContainerMount, ContainerRecord, MountedImage } from '../record.ts';
import { containerConfiguration } from '../spec/configuration.ts';

/** A container's root filesystem: its own layer over the one of all containers over those of the image. */
export async function rootOf(engine: Engine, record: ContainerRecord): Promise<SnapshotRoot> {
  const root = await engine.snapshots.make(record.id, await lowerLayers(engine, record.image));
  if (root.kind !== 'overlay' || !record.host.AutoRemove) return root;
  // An unmount writes all that is dirty on the file system below, other programs' files too, and the end waits for it.
  return { ...root, overlay: { ...root.overlay, volatile: true } };
}

/** The files of a container that does not run. */
export function filesOf(root: SnapshotRoot, mounts: FilesMount[]): FilesRoot {
  return root.kind === 'overlay' ? { overlay: root.overlay, mounts } : { directory: root.path, mounts };
}

/** From the top down. A layer that is not there any more is unpacked from what the image has. */
export async function lowerLayers(engine: Engine, image: MountedImage): Promise<string[]> {
  return [engine.initLayer, ...(await layersOf(engine, image))];
}

async function layersOf(engine: Engine, image: MountedImage): Promise<string[]> {
  const diffIds = image.layers as Digest[];
  const there = await Promise.all(diffIds.map((diffId) => engine.layers.has(diffId)));
  if (there.includes(false)) {
    const found = await engine.library.find(image.id);
    await engine.layers.unpack(found, { content: engine.content });
  }
  return diffIds.map((diffId) => engine.layers.path(diffId)).reverse();
}

/** What the content of /etc is known by; undefined for a container that has written there, and may have other accounts. */
export function accountsOfImage(engine: Engine, { id, record }: Container): string | undefined {
  const upper = engine.snapshots.upperOf(id);
  return upper === undefined || existsSync(join(upper, 'etc')) ? undefined : record.image.layers.join();
}

async function partOf(engine: Engine, image: SnapshotRoot, { subpath = '', Source, Destination }: ContainerMount) {
  try {
    return await partOfImage(image, subpath, engine.options.programs.files);
  } catch (cause) {
    throw new ProaError(`"${subpath}" of image "${Source}" at ${Destination}`, { kind: 'invalid', cause });
  }
}

/** Writes the bundle that a container is started with, its own files among it. */
export async function writeBundle(engine: Engine, container: Container, root: SnapshotRoot): Promise<string> {
  const { record, id } = container;
  const directory = engine.bundle(id);
  const user = await engine.accounts.resolve(record.config.User ?? '', filesOf(root, []), {
    image: accountsOfImage(engine, container),
    added: record.host.GroupAdd,
  });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const hostname = hostNameOf(engine.containers, record);
  const owner = networkOwner(engine.containers, record);
  const files =
    owner === record ? writeNetworkFiles(record, { bundle: directory, hostname }) : ownFiles(engine.bundle(owner.id));
  const processOf = (name: string) => engine.containers.find(name).pid;
  const images = new Map<string, SnapshotRoot>();
  for (const [at, mount] of record.mounts.entries()) {
    if (!mount.image) continue;
    const image = await engine.snapshots.makeImage(id, at, await layersOf(engine, mount.image));
    images.set(mount.Destination, mount.subpath === undefined ? image : await partOf(engine, image, mount));
  }
  const configuration = containerConfiguration(record, { root, files, images, user, hostname, processOf });
  writeFileSync(join(directory, 'config.json'), stringifyJson(configuration), { mode: 0o600 });
  return directory;
}
