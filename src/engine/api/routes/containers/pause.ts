import { ProaError } from '#common/errors.ts';
import { nothing, operation } from '../../operation.ts';

export const pause = operation({
  method: 'POST',
  path: '/containers/{id}/pause',
  query: {},
  async answer({ engine, params: { id = '' } }) {
    const container = engine.containers.find(id);
    if (container.status === 'paused')
      throw new ProaError(`Container ${container.id} is already paused`, { kind: 'conflict' });
    await container.ask('pause', {});
    return nothing;
  },
});

export const unpause = operation({
  method: 'POST',
  path: '/containers/{id}/unpause',
  query: {},
  async answer({ engine, params: { id = '' } }) {
    const container = engine.containers.find(id);
    if (container.status !== 'paused')
      throw new ProaError(`Container ${container.id} is not paused`, { kind: 'conflict' });
    await container.ask('resume', {});
    return nothing;
  },
});
