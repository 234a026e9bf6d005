import { stopContainer } from '../../../containers/life/stop.ts';
import { nothing, operation } from '../../operation.ts';
import { integer, text } from '../../query.ts';

export const stop = operation({
  method: 'POST',
  path: '/containers/{id}/stop',
  query: { signal: text, t: integer({ least: -1 }) },
  async answer({ engine, params: { id = '' }, query: { signal, t } }) {
    const stopped = await stopContainer(engine, engine.containers.find(id), { signal, seconds: t });
    return stopped ? nothing : { status: 304 };
  },
});
