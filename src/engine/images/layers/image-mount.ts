import type { Mount } from '#common/runtime-spec/types.ts';
import type { SnapshotRoot } from './snapshots.ts';

/** The layers of an image, the upper one first, as a mount of a container that cannot be written to. */
export function imageMount(layers: readonly string[], destination: string): Mount {
  const root = imageRoot(layers);
  if (root.kind === 'directory') return { type: 'bind', source: root.path, destination, options: ['bind', 'ro'] };
  const options = ['ro', ...root.overlay.lower.map((path) => `lowerdir+=${path}`)];
  return { type: 'overlay', source: 'image', destination, options };
}

/** The same as a root filesystem; the container's has to be read-only, or the directory would be written to. */
export function imageRoot(layers: readonly string[]): SnapshotRoot {
  const [path = ''] = layers;
  // An overlay without an upper directory is of two layers at least.
  return layers.length === 1 ? { kind: 'directory', path } : { kind: 'overlay', overlay: { lower: [...layers] } };
}
