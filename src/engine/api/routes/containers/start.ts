import { ProaError } from '#common/errors.ts';
import { startContainer } from '../../../containers/life/start.ts';
import { nothing, operation } from '../../operation.ts';
import { text } from '../../query.ts';

export const start = operation({
  method: 'POST',
  path: '/containers/{id}/start',
  query: { detachKeys: text, checkpoint: text },
  async answer({ engine, params: { id = '' }, query: { checkpoint } }) {
    if (checkpoint !== undefined) throw new ProaError('checkpoint is not supported', { kind: 'unsupported' });
    const started = await startContainer(engine, engine.containers.find(id));
    return started ? nothing : { status: 304 };
  },
});
