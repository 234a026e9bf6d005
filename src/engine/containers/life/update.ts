import type { HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { containerResources } from '../spec/resources.ts';
import { restartSettings } from './request.ts';

/** Changes limits and restart policy of a container, at once where it runs, and for later starts. */
export async function updateContainer(engine: Engine, container: Container, changes: HostConfig): Promise<void> {
  await container.whileThere(async () => {
    const { record } = container;
    const host: HostConfig = { ...record.host, ...changes };
    const { devices: _unchanged, ...resources } = containerResources(host);
    const restart = restartSettings(host);
    if (restart.policy !== 'no' && host.AutoRemove)
      throw new ProaError('Restart policy cannot be updated because AutoRemove is enabled for the container', {
        kind: 'invalid',
      });
    if (container.isRunning) {
      const limits = Object.keys(changes).some((name) => name !== 'RestartPolicy');
      await container.ask('update', { ...(limits && { resources }), ...(changes.RestartPolicy && { restart }) });
    }
    record.host = host;
    await engine.records.save(record, { durably: true });
    engine.keeper.tell(container, 'update');
  });
}
