import { defineCommand } from '../command.ts';
import { followProgress } from '../format/progress.ts';
import { splitTag } from '../images/reference.ts';
import { fileSource } from '../streams/files.ts';

export const command = defineCommand({
  usage: 'FILE|URL|- [REPOSITORY[:TAG]]',
  summary: 'Make an image of the files in a tar archive',
  options: {
    change: { kind: 'list', short: 'c', help: 'Apply an instruction of a Dockerfile' },
    message: { kind: 'text', short: 'm', help: 'Say what it is' },
    platform: { kind: 'text', help: 'Its platform, such as linux/arm64' },
  },
  least: 1,
  most: 2,
  subject: 'file',

  async run(session, { options, words: [source = '', target] }) {
    const isUrl = /^https?:\/\//.test(source);
    const { name, tag } = target === undefined ? { name: undefined, tag: undefined } : splitTag(target);
    const { body } = await session.engine.open('POST', '/images/create', {
      query: {
        fromSrc: isUrl ? source : '-',
        repo: name,
        tag,
        message: options.message,
        changes: options.change,
        platform: options.platform,
      },
      ...(!isUrl && { source: fileSource(session.loop, source) }),
    });
    await followProgress(session, body, { quiet: false, to: 'stdout' });
    return 0;
  },
});
