import type { Engine } from '../../core/engine.ts';
import { changesOf } from '../../images/layers/commit.ts';
import { usageOf } from '../../volumes/usage.ts';
import type { Container } from '../container.ts';
import { rootOf } from '../life/bundle.ts';

/** Bytes that a container has written, and those of its whole root filesystem. */
export async function sizesOf(engine: Engine, container: Container) {
  const { record } = container;
  const bytes = await writtenBytes(engine, container);
  const layers = await Promise.all(record.image.layers.map((layer) => usageOf(engine.layers.path(layer as never))));
  return { SizeRw: bytes, SizeRootFs: layers.reduce((sum, layer) => sum + layer.bytes, bytes) };
}

async function writtenBytes(engine: Engine, container: Container): Promise<number> {
  const upper = engine.snapshots.upperOf(container.id);
  if (upper !== undefined) return (await usageOf(upper)).bytes;
  const changes = await changesOf(await rootOf(engine, container.record), engine.options.programs.pack);
  return changes.reduce((sum, { bytes }) => sum + bytes, 0);
}
