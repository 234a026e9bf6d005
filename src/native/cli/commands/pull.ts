import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { pullImage } from '../images/pull.ts';
import { familiarName, splitTag } from '../images/reference.ts';

export const command = defineCommand({
  usage: 'NAME[:TAG|@DIGEST]',
  summary: 'Download an image from a registry',
  options: {
    'all-tags': { kind: 'flag', short: 'a', help: 'Download all tagged images of the repository' },
    platform: { kind: 'text', help: 'Platform of the image, such as linux/arm64' },
    quiet: { kind: 'flag', short: 'q', help: 'Only print the name' },
  },
  least: 1,
  most: 1,
  subject: 'image',

  async run(session, { options, words: [image = ''] }) {
    const all = options['all-tags'];
    const { name, tag } = splitTag(image);
    if (all && name !== image) throw new ProaError("tag can't be used with --all-tags/-a", { kind: 'invalid' });
    if (!all && name === image && !options.quiet) session.print(`Using default tag: ${tag}\n`);
    await pullImage(session, image, { platform: options.platform, all, quiet: options.quiet, to: 'stdout' });
    session.print(`${familiarName(all ? name : image)}\n`);
    return 0;
  },
});
