import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringifyJson } from '#common/json/stringify.ts';
import type { OverlaySettings } from '#common/protocol/container.ts';
import type { Engine } from '../../core/engine.ts';
import type { Digest } from '../../images/reference/digest.ts';
import type { Container } from '../container.ts';
import { hostNameOf, networkOwner, ownFiles, writeNetworkFiles } from '../files/network-files.ts';
import type { MountedImage } from '../record.ts';
import { containerConfiguration } from '../spec/configuration.ts';

/** A container's root filesystem: its own layer over the one of all containers over those of the image. */
export async function rootOf(engine: Engine, { id, record }: Container): Promise<OverlaySettings> {
  return await engine.snapshots.prepare(id, await lowerLayers(engine, record.image));
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
  return existsSync(join(engine.snapshots.directory(id), 'upper', 'etc')) ? undefined : record.image.layers.join();
}

/** Writes the bundle that a container is started with, its own files among it. */
export async function writeBundle(engine: Engine, container: Container, overlay: OverlaySettings): Promise<string> {
  const { record, id } = container;
  const directory = engine.bundle(id);
  const user = await engine.accounts.resolve(
    record.config.User ?? '',
    { overlay, mounts: [] },
    { image: accountsOfImage(engine, container), added: record.host.GroupAdd },
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const hostname = hostNameOf(engine.containers, record);
  const owner = networkOwner(engine.containers, record);
  const files =
    owner === record ? writeNetworkFiles(record, { bundle: directory, hostname }) : ownFiles(engine.bundle(owner.id));
  const processOf = (name: string) => engine.containers.find(name).pid;
  const images = new Map<string, string[]>();
  for (const { image, Destination } of record.mounts) if (image) images.set(Destination, await layersOf(engine, image));
  const configuration = containerConfiguration(record, { files, images, user, hostname, processOf });
  writeFileSync(join(directory, 'config.json'), stringifyJson(configuration), { mode: 0o600 });
  return directory;
}
