import { inspectView } from '../../../containers/view/inspect.ts';
import { sizesOf } from '../../../containers/view/sizes.ts';
import { ok, operation } from '../../operation.ts';
import { flag } from '../../query.ts';

export const inspectContainer = operation({
  method: 'GET',
  path: '/containers/{id}/json',
  query: { size: flag() },
  async answer({ engine, params: { id = '' }, query: { size } }) {
    const container = engine.containers.find(id);
    return ok({ ...inspectView(engine, container), ...(size && (await sizesOf(engine, container))) });
  },
});
