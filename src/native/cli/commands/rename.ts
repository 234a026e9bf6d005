import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';

export const command = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  summary: 'Rename a container',
  options: {},
  least: 2,
  most: 2,
  subject: 'container',

  async run(session, { words: [name = '', next = ''] }) {
    await session.engine.post(containerPath(name, 'rename'), { query: { name: next } });
    return 0;
  },
});
