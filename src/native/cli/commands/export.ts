import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { refuseTerminal, saveBody } from '../streams/files.ts';

export const command = defineCommand({
  usage: 'CONTAINER',
  summary: 'Save the files of a container to a tar archive',
  options: { output: { kind: 'text', short: 'o', help: 'Write to this file, not to standard output' } },
  least: 1,
  most: 1,
  subject: 'container',

  async run(session, { options, words: [name = ''] }) {
    refuseTerminal(options.output, 'save an archive');
    const { body } = await session.engine.open('GET', containerPath(name, 'export'));
    await saveBody(session.loop, body, options.output);
    return 0;
  },
});
