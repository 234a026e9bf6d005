import { join } from 'node:path';
import type { Engine } from '../../core/engine.ts';
import { usageOf } from '../../volumes/usage.ts';
import type { Container } from '../container.ts';

/** Bytes that a container has written, and those of its whole root filesystem. */
export async function sizesOf(engine: Engine, { id, record }: Container) {
  const { bytes } = await usageOf(join(engine.snapshots.directory(id), 'upper'));
  const layers = await Promise.all(record.image.layers.map((layer) => usageOf(engine.layers.path(layer as never))));
  return { SizeRw: bytes, SizeRootFs: layers.reduce((sum, layer) => sum + layer.bytes, bytes) };
}
