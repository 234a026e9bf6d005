import { ProaError } from '#common/errors.ts';
import type { Container } from '../../../containers/container.ts';
import { graceSeconds, stopSignal } from '../../../containers/life/request.ts';
import { signalOf } from '../../../containers/life/stop.ts';
import { nothing, operation } from '../../operation.ts';
import { text } from '../../query.ts';

const SIGKILL = 9;

export const kill = operation({
  method: 'POST',
  path: '/containers/{id}/kill',
  query: { signal: text },
  async answer({ engine, params: { id = '' }, query: { signal } }) {
    const container = engine.containers.find(id);
    const number = signal === undefined ? SIGKILL : signalOf(signal);
    if (!container.isRunning)
      throw new ProaError(`cannot kill container: ${id}: container ${container.id} is not running`, {
        kind: 'conflict',
      });
    // Killed by hand is stopped by hand: its restart policy must not bring it back.
    if (number === SIGKILL) await end(container);
    else if (number === stopSignal(container.record.config)) letEnd(container, number);
    else await container.ask('kill', { signal: number });
    engine.keeper.tell(container, 'kill', { signal: String(number) });
    return nothing;
  },
});

async function end(container: Container): Promise<void> {
  try {
    await container.ask('stop', { graceSeconds: 0 });
  } catch (error) {
    // Its end may come before the answer.
    if (container.isRunning) throw error;
  }
}

/** The signal that asks it to end is a stop without a limit of time, whose end nobody waits for. */
function letEnd(container: Container, signal: number): void {
  container.ask('stop', { signal, graceSeconds: graceSeconds(-1) }).catch(() => {});
}
