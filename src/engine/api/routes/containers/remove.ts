import { ProaError } from '#common/errors.ts';
import { forceRemove } from '../../../containers/life/remove.ts';
import { nothing, operation } from '../../operation.ts';
import { flag } from '../../query.ts';

export const removeContainer = operation({
  method: 'DELETE',
  path: '/containers/{id}',
  query: { v: flag(), force: flag(), link: flag() },
  async answer({ engine, params: { id = '' }, query: { v, force, link } }) {
    if (link) throw new ProaError('link: there are no links between containers', { kind: 'unsupported' });
    await forceRemove(engine, engine.containers.find(id), { force, volumes: v });
    return nothing;
  },
});
