import { ProaError } from '#common/errors.ts';
import type { ExitRecord } from '#common/protocol/container.ts';
import { exitStatus } from '../../../containers/view/state.ts';
import { operation } from '../../operation.ts';
import { text } from '../../query.ts';

const conditions = ['not-running', 'next-exit', 'removed'];

/** Engine API, "ContainerWait". The head goes out at once: then the client knows that nothing is missed. */
export const wait = operation({
  method: 'POST',
  path: '/containers/{id}/wait',
  query: { condition: text },
  async answer({ engine, params: { id = '' }, query: { condition = 'not-running' }, response, signal }) {
    const container = engine.containers.find(id);
    if (!conditions.includes(condition)) throw new ProaError(`invalid condition: "${condition}"`, { kind: 'invalid' });
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    let exit: ExitRecord | undefined;
    if (condition === 'removed') [exit] = await Promise.all([container.nextGone(signal), container.removal(signal)]);
    else if (condition === 'next-exit') exit = await container.nextEnd(signal);
    else if (container.isRunning) exit = await container.nextGone(signal);
    response.end(`${JSON.stringify({ StatusCode: exit?.status ?? exitStatus(container) })}\n`);
    return undefined;
  },
});
