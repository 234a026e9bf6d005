import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { pairs } from '../container/convert.ts';

export const command = defineCommand({
  usage: '[VOLUME]',
  summary: 'Create a volume',
  options: {
    driver: { kind: 'text', short: 'd', help: 'Driver of the volume', default: 'local' },
    label: { kind: 'list', help: 'Set a label (NAME[=VALUE])' },
    name: { kind: 'text', help: 'Its name' },
    opt: { kind: 'list', short: 'o', help: 'Set an option of the driver (NAME=VALUE)' },
  },
  least: 0,
  most: 1,
  subject: 'nothing',

  async run(session, { options, words: [word] }) {
    if (word !== undefined && options.name !== undefined)
      throw new ProaError(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
        {
          kind: 'invalid',
        },
      );
    const { Name } = await session.engine.post<{ Name: string }>('/volumes/create', {
      json: {
        Name: word ?? options.name,
        Driver: options.driver,
        DriverOpts: pairs(options.opt, 'opt'),
        Labels: pairs(options.label, 'label'),
      },
    });
    session.print(`${Name}\n`);
    return 0;
  },
});
