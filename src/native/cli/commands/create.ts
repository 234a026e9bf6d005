import { defineCommand } from '../command.ts';
import { createContainer } from '../container/create.ts';
import { containerOptions } from '../container/options.ts';
import { checkPull } from '../container/pull-option.ts';
import { requestOrStatus } from '../container/request.ts';
import { StatusError } from '../failures.ts';

export const command = defineCommand({
  usage: 'IMAGE [COMMAND] [ARG...]',
  summary: 'Create a new container',
  options: containerOptions,
  least: 1,
  endsOptions: true,
  subject: 'image',

  async run(session, input) {
    checkPull(input.options.pull);
    const { request } = requestOrStatus(input);
    const id = await createContainer(session, request, { ...input.options, name: input.options.name }).catch(
      (error) => {
        throw new StatusError(1, error);
      },
    );
    session.print(`${id}\n`);
    return 0;
  },
});
