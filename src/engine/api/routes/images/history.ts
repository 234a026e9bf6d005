import { familiarNames } from '../../../images/view/summary.ts';
import { ok, operation } from '../../operation.ts';
import { notYet } from '../../query.ts';

export const imageHistory = operation({
  method: 'GET',
  path: '/images/{name*}/history',
  query: { platform: notYet },
  async answer({ engine, params: { name = '' } }) {
    const image = await engine.library.find(name);
    const { tags } = familiarNames(image);
    const steps = await engine.library.history(name);
    return ok(
      steps.map(({ created, created_by = '', comment = '', size }, at) => ({
        Id: at === 0 ? image.id : '<missing>',
        Created: Math.floor(Date.parse(created ?? '') / 1000) || 0,
        CreatedBy: created_by,
        Tags: at === 0 ? tags : [],
        Size: size,
        Comment: comment,
      })),
    );
  },
});
