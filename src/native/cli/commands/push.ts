import { defineCommand } from '../command.ts';
import { pushImage } from '../images/pull.ts';
import { familiarName, splitTag } from '../images/reference.ts';

export const command = defineCommand({
  usage: 'NAME[:TAG]',
  summary: 'Upload an image to a registry',
  options: {
    'all-tags': { kind: 'flag', short: 'a', help: 'Upload all tags of the repository' },
    platform: { kind: 'text', help: 'Only this platform of it' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print the name' },
  },
  least: 1,
  most: 1,
  subject: 'image',

  async run(session, { options, words: [image = ''] }) {
    const all = options['all-tags'];
    const { name, tag } = splitTag(image);
    if (!all && name === image && !options.quiet) session.print(`Using default tag: ${tag}\n`);
    await pushImage(session, image, { platform: options.platform, all, quiet: options.quiet });
    if (options.quiet) session.print(`${familiarName(image)}\n`);
    return 0;
  },
});
