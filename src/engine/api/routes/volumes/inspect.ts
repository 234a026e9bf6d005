import { ok, operation } from '../../operation.ts';
import { volumeView } from './view.ts';

export const inspectVolume = operation({
  method: 'GET',
  path: '/volumes/{name}',
  query: {},
  answer: ({ engine, params: { name = '' } }) => ok(volumeView(engine, engine.volumes.get(name))),
});
