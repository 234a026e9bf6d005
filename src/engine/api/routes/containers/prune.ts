import { forceRemove } from '../../../containers/life/remove.ts';
import { sizesOf } from '../../../containers/view/sizes.ts';
import { ok, operation } from '../../operation.ts';
import { pruneTest } from '../../prune.ts';
import { filters } from '../../query.ts';

const query = { filters: filters('until', 'label', 'label!') };

export const pruneContainers = operation({
  method: 'POST',
  path: '/containers/prune',
  query,
  async answer({ engine, query: { filters: wanted } }) {
    const fits = pruneTest(wanted);
    const removed: string[] = [];
    let reclaimed = 0;
    for (const container of engine.containers.list()) {
      const { config, created } = container.record;
      if (container.isRunning || container.hasMonitor || !fits({ labels: config.Labels, created })) continue;
      const { SizeRw } = await sizesOf(engine, container);
      await forceRemove(engine, container, { force: false, volumes: false });
      removed.push(container.id);
      reclaimed += SizeRw;
    }
    return ok({ ContainersDeleted: removed, SpaceReclaimed: reclaimed });
  },
});
