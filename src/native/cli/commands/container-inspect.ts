import { defineCommand } from '../command.ts';
import { inspectAll } from '../inspect.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Show all that is known of one or more containers',
  options: {
    format: { kind: 'text', short: 'f', help: 'Print by a template, or json' },
    size: { kind: 'flag', short: 's', help: 'Show sizes of files' },
  },
  least: 1,
  subject: 'container',
  run: (session, { options, words }) =>
    inspectAll(session, words, { kinds: ['container'], what: 'container', format: options.format, size: options.size }),
});
