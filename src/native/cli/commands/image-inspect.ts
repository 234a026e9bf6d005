import { defineCommand } from '../command.ts';
import { inspectAll } from '../inspect.ts';

export const command = defineCommand({
  usage: 'IMAGE [IMAGE...]',
  summary: 'Show all that is known of one or more images',
  options: {
    format: { kind: 'text', short: 'f', help: 'Print by a template, or json' },
  },
  least: 1,
  subject: 'image',
  run: (session, { options, words }) =>
    inspectAll(session, words, { kinds: ['image'], what: 'image', format: options.format }),
});
