import { imagesOf } from '../../../containers/record.ts';
import { collectLayers } from '../../../images/collect.ts';
import { ok, operation } from '../../operation.ts';
import { pruneTest } from '../../prune.ts';
import { filterFlag, filters } from '../../query.ts';

const query = { filters: filters('dangling', 'until', 'label', 'label!') };

/** Engine API, "ImagePrune": without `dangling=false`, only images that have no name. */
export const pruneImages = operation({
  method: 'POST',
  path: '/images/prune',
  query,
  async answer({ engine, query: { filters: wanted } }) {
    const all = filterFlag(wanted.dangling, 'dangling') === false;
    const { dangling: _dangling, ...rest } = wanted;
    const fits = pruneTest(rest);
    const used = new Set(engine.containers.list().flatMap(({ record }) => imagesOf(record).map(({ id }) => id)));
    const { untagged, deleted, reclaimed } = await engine.library.prune({
      all,
      used: ({ id, config }) =>
        used.has(id) || !fits({ labels: config.config?.Labels, created: config.created ?? '1970-01-01T00:00:00Z' }),
    });
    await collectLayers(engine);
    const gone = [...untagged.map((Untagged) => ({ Untagged })), ...deleted.map((Deleted) => ({ Deleted }))];
    for (const name of untagged) engine.events.emit('image', 'untag', name, { name });
    return ok({ ImagesDeleted: gone, SpaceReclaimed: reclaimed });
  },
});
