import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { becomeEngineProgram } from '../engine-program.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Serve a registry of images',
  options: {
    root: { kind: 'text', help: 'The directory that holds its images' },
    listen: { kind: 'text', help: 'Where it is reached (HOST:PORT)', default: '127.0.0.1:5000' },
  },
  least: 0,
  most: 0,
  subject: 'nothing',

  run(_session, { options: { root, listen } }) {
    if (root === undefined)
      throw new ProaError('--root is missing: name the directory of its images', { kind: 'invalid' });
    return becomeEngineProgram(['registry', 'serve', '--root', root, '--listen', listen]);
  },
});
