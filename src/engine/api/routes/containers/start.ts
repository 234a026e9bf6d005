import { startContainer } from '../../../containers/life/start.ts';
import { nothing, operation } from '../../operation.ts';
import { integer, notYet, text } from '../../query.ts';

/** Connections of one client: one would do. */
const MOST = 100;

/**
 * Engine API, "ContainerStart". Ours: with `attached` and `waiting` the start is held until at least so many clients have
 * attached and wait for its end, so that a client may ask for all of that at once. Refused where they do not come.
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
    const whom = { attached: query.attached ?? 0, waiting: query.waiting ?? 0 };
    // Usually they are there, and no signal has to be made.
    if (!container.isExpectedBy(whom)) {
      await container.whenExpectedBy(whom, call.signal);
      if (call.signal.aborted) return undefined;
    }
    const started = await startContainer(engine, container);
    return started ? nothing : { status: 304 };
  },
});
