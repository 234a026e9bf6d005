import { containerUpdateRequest } from '#common/docker-api/create-request.ts';
import { updateContainer } from '../../../containers/life/update.ts';
import { ok, operation } from '../../operation.ts';

/** Engine API, "ContainerUpdate". */
export const update = operation({
  method: 'POST',
  path: '/containers/{id}/update',
  query: {},
  async answer({ engine, params: { id = '' }, body }) {
    const container = engine.containers.find(id);
    await updateContainer(engine, container, containerUpdateRequest((await body()) ?? {}));
    return ok({ Warnings: [] });
  },
});
