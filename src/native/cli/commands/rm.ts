import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';
import { ApiError } from '../failures.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Remove one or more containers',
  options: {
    force: { kind: 'flag', short: 'f', help: 'Also kill and remove those that run' },
    link: { kind: 'flag', short: 'l', help: 'Remove a link' },
    volumes: { kind: 'flag', short: 'v', help: 'Remove their volumes that have no name' },
  },
  least: 1,
  subject: 'container',

  run(session, { options, words }) {
    const missing = new Set<string>();
    const query = {
      force: options.force || undefined,
      link: options.link || undefined,
      v: options.volumes || undefined,
    };
    return forEach(
      session,
      words,
      async (name) => {
        try {
          await session.engine.call('DELETE', containerPath(name), { query });
        } catch (error) {
          // What shall be gone is gone.
          if (!(options.force && error instanceof ApiError && error.status === 404)) throw error;
          session.warn(error.message);
          missing.add(name);
        }
      },
      { printed: (name) => (missing.has(name) ? undefined : name) },
    );
  },
});
