import { familiarNames } from '../../../images/view/summary.ts';
import { ok, operation } from '../../operation.ts';
import { notYet } from '../../query.ts';

/** Engine API, "ImageInspect". */
export const inspectImage = operation({
  method: 'GET',
  path: '/images/{name*}/json',
  query: { manifests: notYet, platform: notYet },
  async answer({ engine, params: { name = '' }, version }) {
    const image = await engine.library.find(name);
    const { tags, digests } = familiarNames(image);
    const { config, size, id, target } = image;
    const { rootfs, history = [], architecture, os, variant, author = '', created } = config;
    const layers = rootfs.diff_ids.map((diffId) => engine.layers.path(diffId as never)).reverse();
    return ok({
      Id: id,
      Descriptor: target,
      RepoTags: tags,
      RepoDigests: digests,
      Parent: '',
      Comment: history.at(-1)?.comment ?? '',
      ...(created !== undefined && { Created: created }),
      DockerVersion: '',
      Author: author,
      Config: { ...config.config },
      Architecture: architecture,
      ...(variant !== undefined && { Variant: variant }),
      Os: os,
      Size: size,
      ...(version < 1044 && { VirtualSize: size }),
      GraphDriver: engine.snapshots.refusal === undefined ? overlayOf(layers) : { Name: 'vfs', Data: null },
      RootFS: { Type: 'layers', Layers: rootfs.diff_ids },
      Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
    });
  },
});

const overlayOf = (layers: readonly string[]) => ({ Name: 'overlay2', Data: { LowerDir: layers.join(':') } });
