import { defineCommand } from '../command.ts';
import { imagePath } from '../images/path.ts';
import { splitTag } from '../images/reference.ts';

export const command = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Give an image a further name',
  options: {},
  least: 2,
  most: 2,
  subject: 'image',

  async run(session, { words: [source = '', target = ''] }) {
    const { name, tag } = splitTag(target);
    await session.engine.post(imagePath(source, 'tag'), { query: { repo: name, tag } });
    return 0;
  },
});
