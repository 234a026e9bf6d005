import { startContainer } from '../../../containers/life/start.ts';
import { nothing, operation } from '../../operation.ts';
import { notYet, text } from '../../query.ts';

export const start = operation({
  method: 'POST',
  path: '/containers/{id}/start',
  query: { detachKeys: text, checkpoint: notYet, 'checkpoint-dir': notYet },
  async answer({ engine, params: { id = '' } }) {
    const started = await startContainer(engine, engine.containers.find(id));
    return started ? nothing : { status: 304 };
  },
});
