import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { createContainer } from '../container/create.ts';
import { runInForeground } from '../container/foreground.ts';
import { containerOptions } from '../container/options.ts';
import { checkPull } from '../container/pull-option.ts';
import { requestOrStatus } from '../container/request.ts';
import { startFailure } from '../container/start-status.ts';
import { type Query, segment } from '../engine.ts';
import { StatusError } from '../failures.ts';
import { needTerminal } from '../streams/terminal.ts';

export const command = defineCommand({
  usage: 'IMAGE [COMMAND] [ARG...]',
  summary: 'Create and run a new container from an image',
  options: {
    ...containerOptions,
    detach: { kind: 'flag', short: 'd', help: 'Leave it running, and print its id' },
    'detach-keys': { kind: 'text', help: 'Keys that leave it running', default: 'ctrl-p,ctrl-q' },
    'sig-proxy': { kind: 'flag', help: 'Pass signals on to it', default: true },
  },
  least: 1,
  endsOptions: true,
  subject: 'image',

  async run(session, input) {
    const { options, given } = input;
    const { request, attachment } = requestOrStatus(input);
    if (options.detach && given.has('attach'))
      throw new StatusError(
        125,
        new ProaError('conflicting options: cannot specify both --attach and --detach', { kind: 'invalid' }),
      );
    checkPull(options.pull);
    if (!options.detach) needTerminal({ stdin: attachment.stdin, tty: options.tty });
    if (options.detach)
      Object.assign(request, { AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false });
    const id = await createContainer(session, request, { ...options, name: options.name }).catch((error) => {
      throw startFailure(error);
    });
    const start = (query: Query) =>
      session.engine.post(`/containers/${segment(id)}/start`, { query }).catch((error) => {
        throw startFailure(error);
      });
    if (options.detach) {
      await start({});
      session.print(`${id}\n`);
      return 0;
    }
    const status = await runInForeground(session, id, {
      attachment,
      tty: options.tty,
      detachKeys: given.has('detach-keys') ? options['detach-keys'] : undefined,
      forwardsSignals: options['sig-proxy'],
      until: options.rm ? 'removed' : 'next-exit',
      start,
    });
    if (status === undefined) {
      session.print(`${id}\n`);
      return 0;
    }
    return status;
  },
});
