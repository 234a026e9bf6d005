import type { Mount } from '#common/runtime-spec/types.ts';
import type { SnapshotRoot } from './snapshots.ts';

/** An image as a mount of a container that cannot be written to. */
export function imageMount(root: SnapshotRoot, destination: string): Mount {
  if (root.kind === 'directory') return { type: 'bind', source: root.path, destination, options: ['bind', 'ro'] };
  const options = ['ro', ...root.overlay.lower.map((path) => `lowerdir+=${path}`)];
  return { type: 'overlay', source: 'image', destination, options };
}

/** The layers of an image, the upper one first, as they are: who writes to a directory among them changes the image. */
export function imageRoot(layers: readonly string[]): SnapshotRoot {
  const [path = ''] = layers;
  // An overlay without an upper directory is of two layers at least.
  return layers.length === 1 ? { kind: 'directory', path } : { kind: 'overlay', overlay: { lower: [...layers] } };
}
