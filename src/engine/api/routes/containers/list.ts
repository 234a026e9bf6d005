import { containerFilters, selectContainers } from '../../../containers/view/selection.ts';
import { sizesOf } from '../../../containers/view/sizes.ts';
import { summaryView } from '../../../containers/view/summary.ts';
import { ok, operation } from '../../operation.ts';
import { filters, flag, integer } from '../../query.ts';

const query = { all: flag(), limit: integer({ least: -1 }), size: flag(), filters: filters(...containerFilters) };

export const listContainers = operation({
  method: 'GET',
  path: '/containers/json',
  query,
  async answer({ engine, query: { all, limit, size, filters: wanted } }) {
    const found = selectContainers(engine, { all, limit, filters: wanted });
    const lines = found.map(async (container) => ({
      ...summaryView(container),
      ...(size && (await sizesOf(engine, container))),
    }));
    return ok(await Promise.all(lines));
  },
});
