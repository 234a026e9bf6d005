import { defineCommand } from '../command.ts';
import { forEach } from '../each.ts';
import { segment } from '../engine.ts';

export const command = defineCommand({
  usage: 'VOLUME [VOLUME...]',
  summary: 'Remove one or more volumes',
  options: { force: { kind: 'flag', short: 'f', help: 'Also where its driver has lost it' } },
  least: 1,
  subject: 'volume',
  run: (session, { options, words }) =>
    forEach(session, words, (name) =>
      session.engine.call('DELETE', `/volumes/${segment(name)}`, { query: { force: options.force || undefined } }),
    ),
});
