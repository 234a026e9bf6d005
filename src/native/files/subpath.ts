import type { FilesRoot, Subpath } from '#common/protocol/files.ts';
import { MergedLayers } from '#native/pack/merged.ts';
import { kernelPath } from '#native/unpack/names.ts';
import { openDirectory, textOfPath } from '#sys/files.ts';
import { canonicalPath, openRequested, requestedPath } from './paths.ts';
import { openReadOnly } from './root.ts';

/** Where a path of layers is in each of them. They are not written to, so that who mounts it finds the same. */
export function subpathOf(root: FilesRoot, text: string): Subpath {
  // Before the root is mounted over what they are found by.
  const layers = 'overlay' in root ? root.overlay.lower.map((layer) => openDirectory(layer)) : [];
  using files = openReadOnly(root);
  const requested = requestedPath(text);
  const path = canonicalPath(files, requested.path);
  // Throws where there is nothing.
  openRequested(files, { ...requested, path }).close();
  const merged = new MergedLayers(layers);
  return {
    path: textOfPath(kernelPath(path)),
    layers: path === '' ? merged.all : merged.layersOf(path),
  };
}
