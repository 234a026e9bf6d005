import { kindOf } from '#common/errors.ts';
import type { Engine } from '../../../core/engine.ts';
import { ok, operation } from '../../operation.ts';
import { pruneTest } from '../../prune.ts';
import { filterFlag, filters } from '../../query.ts';
import { usersOf } from './view.ts';

const query = { filters: filters('all', 'label', 'label!') };

/** Engine API, "VolumePrune": without `all`, only those that nobody named. */
export const pruneVolumes = operation({
  method: 'POST',
  path: '/volumes/prune',
  query,
  async answer({ engine, query: { filters: wanted }, version }) {
    const all = filterFlag(wanted.all, 'all') ?? version < 1042;
    const fits = pruneTest(wanted);
    const gone: string[] = [];
    let reclaimed = 0;
    const isUsed = (name: string) => usersOf(engine, name).length > 0;
    for (const { name, labels, created, madeFor } of engine.volumes.list()) {
      const anonymous = madeFor !== undefined || Object.hasOwn(labels, 'com.docker.volume.anonymous');
      if ((!all && !anonymous) || isUsed(name) || !fits({ labels, created })) continue;
      const size = await engine.volumes.size(name);
      if (!(await removeIfPossible(engine, name, isUsed))) continue;
      reclaimed += size;
      engine.events.emit('volume', 'destroy', name, { driver: 'local' });
      gone.push(name);
    }
    return ok({ VolumesDeleted: gone, SpaceReclaimed: reclaimed });
  },
});

/** One that others have something mounted in is no failure of all. */
async function removeIfPossible(engine: Engine, name: string, isUsed: (name: string) => boolean): Promise<boolean> {
  try {
    return await engine.volumes.remove(name, isUsed);
  } catch (error) {
    if (kindOf(error) === 'conflict') return false;
    throw error;
  }
}
