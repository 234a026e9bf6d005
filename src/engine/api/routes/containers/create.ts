import { containerCreateRequest } from '#common/docker-api/create-request.ts';
import { makeContainer } from '../../../containers/making/make.ts';
import { created, operation } from '../../operation.ts';
import { text } from '../../query.ts';

export const createContainer = operation({
  method: 'POST',
  path: '/containers/create',
  query: { name: text, platform: text },
  async answer({ engine, query: { name, platform }, body }) {
    const request = containerCreateRequest(await body());
    const { container, warnings } = await makeContainer(engine, request, { name, platform });
    return created({ Id: container.id, Warnings: warnings });
  },
});
