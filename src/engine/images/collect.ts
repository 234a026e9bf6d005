import { imagesOf } from '../containers/record.ts';
import type { Engine } from '../core/engine.ts';

/** Removes unpacked layers that neither an image nor a container needs. */
export async function collectLayers(engine: Engine): Promise<void> {
  const needed = new Set(
    engine.containers.list().flatMap(({ record }) => imagesOf(record).flatMap(({ layers }) => layers)),
  );
  for (const { config } of await engine.library.list()) for (const diffId of config.rootfs.diff_ids) needed.add(diffId);
  await engine.layers.collect((diffId) => needed.has(diffId));
}
