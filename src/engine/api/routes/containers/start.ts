import { startContainer } from '../../../containers/life/start.ts';
import { nothing, operation } from '../../operation.ts';
import { integer, notYet, text } from '../../query.ts';

/** Far more than one client has. */
const MOST = 100;

/**
 * Engine API, "ContainerStart". Ours: with `attached` and `waiting` a container starts when so many clients have attached and
 * wait for its end, so that one client may ask for all of it in one breath.
 */
export const start = operation({
  method: 'POST',
  path: '/containers/{id}/start',
  query: {
    detachKeys: text,
    checkpoint: notYet,
    'checkpoint-dir': notYet,
    attached: integer({ most: MOST }),
    waiting: integer({ most: MOST }),
  },
  async answer(call) {
    const { engine, params, query } = call;
    const container = engine.containers.find(params['id'] ?? '');
    const { attached = 0, waiting = 0 } = query;
    if (attached + waiting > 0 && !container.hasMonitor && !container.isExpectedBy({ attached, waiting })) {
      await container.whenExpectedBy({ attached, waiting }, call.signal);
      if (call.signal.aborted) return undefined;
    }
    const started = await startContainer(engine, container);
    return started ? nothing : { status: 304 };
  },
});
