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
    else await send(container, number);
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

/**
 * As dockerd has it: every signal is a stop where no signal to stop by was chosen, and otherwise that one is; `unless-stopped`
 * takes any for one. The program may live on: its policy does not start it again all the same, until somebody does.
 */
async function send(container: Container, signal: number): Promise<void> {
  const { config } = container.record;
  const isStop = !config.StopSignal || signal === stopSignal(config);
  if (container.knowsStoppingSignals)
    await container.ask('kill', { signal, stops: isStop ? 'every-policy' : 'unless-stopped' });
  // A stop without a limit of time, whose end nobody waits for, is what a monitor of earlier has for it.
  else if (isStop) container.ask('stop', { signal, graceSeconds: graceSeconds(-1) }).catch(() => {});
  else await container.ask('kill', { signal });
}
