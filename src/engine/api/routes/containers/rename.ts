import { ProaError } from '#common/errors.ts';
import { nothing, operation } from '../../operation.ts';
import { required } from '../../query.ts';

export const rename = operation({
  method: 'POST',
  path: '/containers/{id}/rename',
  query: { name: required },
  async answer({ engine, params: { id = '' }, query: { name } }) {
    const container = engine.containers.find(id);
    const { record } = container;
    await container.whileThere(async () => {
      const before = record.name;
      const wanted = engine.containers.claimName(name, record.id);
      if (wanted === before)
        throw new ProaError('Renaming a container with the same name as its current name', { kind: 'invalid' });
      record.name = wanted;
      try {
        await engine.records.save(record, { durably: true });
      } catch (error) {
        record.name = before;
        engine.containers.releaseName(wanted, record.id);
        throw error;
      }
      engine.containers.releaseName(before, record.id);
      engine.keeper.tell(container, 'rename', { oldName: `/${before}` });
    });
    return nothing;
  },
});
