import { defineCommand } from '../command.ts';
import { inspectAll } from '../inspect.ts';

export const command = defineCommand({
  usage: 'VOLUME [VOLUME...]',
  summary: 'Show all that is known of one or more volumes',
  options: {
    format: { kind: 'text', short: 'f', help: 'Print by a template, or json' },
  },
  least: 1,
  subject: 'volume',
  run: (session, { options, words }) =>
    inspectAll(session, words, { kinds: ['volume'], what: 'volume', format: options.format }),
});
