import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Send a signal to one or more running containers, KILL unless told otherwise',
  options: { signal: { kind: 'text', short: 's', help: 'Signal to send' } },
  least: 1,
  subject: 'running',
  run: (session, { options, words }) =>
    forEach(session, words, (name) =>
      session.engine.post(containerPath(name, 'kill'), { query: { signal: options.signal || 'KILL' } }),
    ),
});
