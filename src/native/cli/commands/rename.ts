import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { ApiError } from '../failures.ts';

export const command = defineCommand({
  usage: 'CONTAINER NEW_NAME',
  summary: 'Rename a container',
  options: {},
  least: 2,
  most: 2,
  subject: 'container',

  async run(session, { words: [name = '', next = ''] }) {
    try {
      await session.engine.post(containerPath(name, 'rename'), { query: { name: next } });
      return 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      session.warn(error.message);
      session.warn(`Error: failed to rename container named ${name}`);
      return 1;
    }
  },
});
