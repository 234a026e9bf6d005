import { forceRemove } from '../../../containers/life/remove.ts';
import { nothing, operation } from '../../operation.ts';
import { flag, notYet } from '../../query.ts';

export const removeContainer = operation({
  method: 'DELETE',
  path: '/containers/{id}',
  query: { v: flag(), force: flag(), link: notYet },
  async answer({ engine, params: { id = '' }, query: { v, force } }) {
    await forceRemove(engine, engine.containers.find(id), { force, volumes: v });
    return nothing;
  },
});
