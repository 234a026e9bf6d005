import { startContainer } from '../../../containers/life/start.ts';
import { stopContainer } from '../../../containers/life/stop.ts';
import { nothing, operation } from '../../operation.ts';
import { integer, text } from '../../query.ts';

export const restart = operation({
  method: 'POST',
  path: '/containers/{id}/restart',
  query: { signal: text, t: integer({ least: -1 }) },
  async answer({ engine, params: { id = '' }, query: { signal, t } }) {
    const container = engine.containers.find(id);
    // One that goes with its end is to come back this time.
    await stopContainer(engine, container, { signal, seconds: t, keep: true });
    await startContainer(engine, container);
    engine.keeper.tell(container, 'restart');
    return nothing;
  },
});
