import { defineCommand } from '../command.ts';
import { forEach } from '../each.ts';
import { containerPath } from './path.ts';

/** A command that ends containers in their own way, and after a while otherwise. */
export function endingCommand(
  verb: 'stop' | 'restart',
  { summary, subject }: { summary: string; subject: 'container' | 'running' },
) {
  return defineCommand({
    usage: 'CONTAINER [CONTAINER...]',
    summary,
    options: {
      signal: { kind: 'text', short: 's', help: 'Signal to send (default: its own, usually TERM)' },
      timeout: { kind: 'integer', short: 't', help: 'Seconds to wait before it is killed; -1: for ever' },
      time: { kind: 'integer', help: 'The same' },
    },
    least: 1,
    subject,
    run: (session, { options, words }) =>
      forEach(session, words, (name) =>
        session.engine.post(containerPath(name, verb), {
          query: { signal: options.signal, t: options.timeout ?? options.time },
        }),
      ),
  });
}
