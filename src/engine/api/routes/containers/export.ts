import { pipeline } from 'node:stream/promises';
import { rootOf } from '../../../containers/life/bundle.ts';
import { exportRoot } from '../../../images/layers/export.ts';
import { operation } from '../../operation.ts';

/** Engine API, "ContainerExport": without what is mounted over the root filesystem. */
export const exportContainer = operation({
  method: 'GET',
  path: '/containers/{id}/export',
  query: {},
  async answer({ engine, params: { id = '' }, response }) {
    const container = engine.containers.find(id);
    const overlay = await rootOf(engine, container);
    const { output, done } = exportRoot({ kind: 'overlay', overlay }, engine.options.programs.pack);
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    const sent = pipeline(output, response, { end: false }).catch(() => response.destroy());
    try {
      await done;
      await sent;
      response.end();
    } catch (error) {
      // Half an archive must not look like a whole one.
      response.destroy();
      throw error;
    }
    return undefined;
  },
});
