import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Restart one or more containers',
  options: {
    signal: { kind: 'text', short: 's', help: 'Signal to send (default: its own, usually TERM)' },
    timeout: { kind: 'integer', short: 't', help: 'Seconds to wait before it is killed; -1: for ever' },
    time: { kind: 'integer', help: 'The same' },
  },
  least: 1,
  subject: 'container',
  run: (session, { options, words }) =>
    forEach(session, words, (name) =>
      session.engine.post(containerPath(name, 'restart'), {
        query: { signal: options.signal, t: options.timeout ?? options.time },
      }),
    ),
});
