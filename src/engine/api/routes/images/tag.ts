import { parseReference } from '../../../images/reference/parse.ts';
import { operation } from '../../operation.ts';
import { required, text } from '../../query.ts';

export const tagImage = operation({
  method: 'POST',
  path: '/images/{name*}/tag',
  query: { repo: required, tag: text },
  async answer({ engine, params: { name = '' }, query: { repo, tag } }) {
    const { id } = await engine.library.find(name);
    const given = await engine.library.tag(name, parseReference(tag === undefined ? repo : `${repo}:${tag}`));
    engine.events.emit('image', 'tag', id, { name: given });
    return { status: 201 };
  },
});
