import { ok, operation } from '../../operation.ts';
import { filterFlag, filters, fitsLabels } from '../../query.ts';
import { usersOf, volumeView } from './view.ts';

const query = { filters: filters('dangling', 'driver', 'label', 'name') };

export const listVolumes = operation({
  method: 'GET',
  path: '/volumes',
  query,
  answer({ engine, query: { filters: wanted } }) {
    const dangling = filterFlag(wanted.dangling, 'dangling');
    const found = engine.volumes
      .list()
      .filter(({ name }) => dangling === undefined || (usersOf(engine, name).length === 0) === dangling)
      .filter(({ name }) => !wanted.name || wanted.name.some((part) => name.includes(part)))
      .filter(({ labels }) => fitsLabels(labels, wanted.label))
      .filter(() => !wanted.driver || wanted.driver.includes('local'));
    return ok({ Volumes: found.map((volume) => volumeView(engine, volume)), Warnings: [] });
  },
});
