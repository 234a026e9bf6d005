import { ProaError } from '#common/errors.ts';
import { operation } from '../../operation.ts';
import { sizeQuery, terminalSize } from '../containers/resize.ts';

export const resizeExec = operation({
  method: 'POST',
  path: '/exec/{id}/resize',
  query: sizeQuery,
  async answer({ engine, params: { id = '' }, query }) {
    const { container, exec } = engine.execs.get(id);
    const size = terminalSize(query);
    if (exec === undefined) throw new ProaError(`exec ${id} has not been started`, { kind: 'conflict' });
    await container.ask('exec-resize', { exec, ...size });
    return { status: 200 };
  },
});
