import { rootOf } from '../../../containers/life/bundle.ts';
import { changesOf } from '../../../images/layers/commit.ts';
import { ok, operation } from '../../operation.ts';

const kinds = { C: 0, A: 1, D: 2 } as const;

/** Engine API, "ContainerChanges". */
export const containerChanges = operation({
  method: 'GET',
  path: '/containers/{id}/changes',
  query: {},
  async answer({ engine, params: { id = '' } }) {
    const container = engine.containers.find(id);
    const changes = await changesOf(await rootOf(engine, container.record), engine.options.programs.pack);
    return ok(changes.map(({ kind, path }) => ({ Path: path, Kind: kinds[kind] })));
  },
});
