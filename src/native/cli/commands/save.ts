import { defineCommand } from '../command.ts';
import { platformOf } from '../images/pull.ts';
import { refuseTerminal, saveBody } from '../streams/files.ts';

export const command = defineCommand({
  usage: 'IMAGE [IMAGE...]',
  summary: 'Save one or more images to a tar archive',
  options: {
    output: { kind: 'text', short: 'o', help: 'Write to this file, not to standard output' },
    platform: { kind: 'list', help: 'Only these platforms of them' },
  },
  least: 1,
  subject: 'image',

  async run(session, { options, words }) {
    refuseTerminal(options.output, 'save an archive');
    const { body } = await session.engine.open('GET', '/images/get', {
      query: { names: words, platform: options.platform.map((text) => JSON.stringify(platformOf(text))) },
    });
    await saveBody(session.loop, body, options.output);
    return 0;
  },
});
