import { ProaError } from '#common/errors.ts';
import { nothing, operation } from '../../operation.ts';
import { flag } from '../../query.ts';
import { usersOf } from './view.ts';

export const removeVolume = operation({
  method: 'DELETE',
  path: '/volumes/{name}',
  query: { force: flag() },
  async answer({ engine, params: { name = '' }, query: { force } }) {
    if (force && !engine.volumes.has(name)) return nothing;
    const isRemoved = await engine.volumes.remove(name, () => usersOf(engine, name).length > 0);
    if (!isRemoved) {
      engine.volumes.get(name);
      const users = usersOf(engine, name);
      throw new ProaError(`remove ${name}: volume is in use - [${users.join(', ')}]`, { kind: 'conflict' });
    }
    engine.events.emit('volume', 'destroy', name, { driver: 'local' });
    return nothing;
  },
});
