import { defineCommand } from '../command.ts';
import { splitTag } from '../images/reference.ts';

export const command = defineCommand({
  usage: 'CONTAINER [REPOSITORY[:TAG]]',
  summary: 'Make an image of a container’s files',
  options: {
    author: { kind: 'text', short: 'a', help: 'Who made it' },
    change: { kind: 'list', short: 'c', help: 'Apply an instruction of a Dockerfile' },
    message: { kind: 'text', short: 'm', help: 'Say what it is' },
    pause: { kind: 'flag', short: 'p', help: 'Pause the container meanwhile', default: true },
  },
  least: 1,
  most: 2,
  subject: 'container',

  async run(session, { options, words: [container = '', target] }) {
    const { name, tag } = target === undefined ? { name: undefined, tag: undefined } : splitTag(target);
    const { Id } = await session.engine.post<{ Id: string }>('/commit', {
      query: {
        container,
        repo: name,
        tag,
        author: options.author,
        comment: options.message,
        changes: options.change,
        pause: options.pause,
      },
    });
    session.print(`${Id}\n`);
    return 0;
  },
});
