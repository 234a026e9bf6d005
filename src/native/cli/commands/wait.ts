import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Wait until one or more containers stop, then print their exit statuses',
  options: {},
  least: 1,
  subject: 'running',

  run(session, { words }) {
    const statuses = new Map<string, number>();
    return forEach(
      session,
      words,
      async (name) => {
        const { StatusCode } = await session.engine.post<{ StatusCode: number }>(containerPath(name, 'wait'));
        statuses.set(name, StatusCode);
      },
      { printed: (name) => String(statuses.get(name)) },
    );
  },
});
