import { rootOf } from '../../../containers/life/bundle.ts';
import { exportRoot } from '../../../images/layers/export.ts';
import { sendArchive } from '../../archive-reply.ts';
import { operation } from '../../operation.ts';

/** Engine API, "ContainerExport": without what is mounted over the root filesystem. */
export const exportContainer = operation({
  method: 'GET',
  path: '/containers/{id}/export',
  query: {},
  async answer({ engine, params: { id = '' }, response }) {
    const container = engine.containers.find(id);
    const { output, done } = exportRoot(await rootOf(engine, container.record), engine.options.programs.pack);
    await sendArchive(response, { output, ended: done }, { 'Content-Type': 'application/octet-stream' });
    return undefined;
  },
});
