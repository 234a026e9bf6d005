import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Unpause all processes of one or more containers',
  options: {},
  least: 1,
  subject: 'running',
  run: (session, { words }) => forEach(session, words, (name) => session.engine.post(containerPath(name, 'unpause'))),
});
