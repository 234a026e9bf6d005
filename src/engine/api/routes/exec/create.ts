import { execCreateRequest } from '#common/docker-api/create-request.ts';
import { ProaError } from '#common/errors.ts';
import { execUser } from '../../../exec/make.ts';
import { created, operation } from '../../operation.ts';

export const createExec = operation({
  method: 'POST',
  path: '/containers/{id}/exec',
  query: {},
  async answer({ engine, params: { id = '' }, body }) {
    const container = engine.containers.find(id);
    const config = execCreateRequest(await body());
    if (!container.isRunning) throw container.notRunning();
    if (container.status === 'paused')
      throw new ProaError(`Container ${container.id} is paused, unpause the container before exec`, {
        kind: 'conflict',
      });
    // Known now: at the start a client has no ear for it, since it waits for the connection.
    if (config.User) await execUser(engine, container, config.User);
    const session = engine.execs.create(container, config);
    engine.keeper.tell(container, `exec_create: ${config.Cmd.join(' ')}`, { execID: session.id });
    return created({ Id: session.id });
  },
});
