import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { runInForeground } from '../container/foreground.ts';
import { containerPath } from '../container/path.ts';
import { needTerminal } from '../streams/terminal.ts';

interface Inspected {
  Id: string;
  State: { Running: boolean; Paused: boolean; Restarting: boolean };
  Config: { Tty: boolean; OpenStdin: boolean };
}

export const command = defineCommand({
  usage: 'CONTAINER',
  summary: 'Attach our standard streams to a running container',
  options: {
    'detach-keys': { kind: 'text', help: 'Keys that leave it running' },
    'no-stdin': { kind: 'flag', help: 'Keep our standard input to ourselves' },
    'sig-proxy': { kind: 'flag', help: 'Pass signals on to it', default: true },
  },
  least: 1,
  most: 1,
  subject: 'running',

  async run(session, { options, words: [name = ''] }) {
    const { Id, State, Config } = await session.engine.get<Inspected>(containerPath(name, 'json'));
    if (!State.Running) throw cannot('a stopped container, start it first');
    if (State.Paused) throw cannot('a paused container, unpause it first');
    if (State.Restarting) throw cannot('a restarting container, wait until it is running');
    const attachment = { stdin: !options['no-stdin'] && Config.OpenStdin, stdout: true, stderr: true };
    needTerminal({ stdin: attachment.stdin, tty: Config.Tty });
    const status = await runInForeground(session, Id, {
      attachment,
      tty: Config.Tty,
      detachKeys: options['detach-keys'],
      forwardsSignals: options['sig-proxy'],
      until: 'not-running',
    });
    // As Docker's client has it: who typed the keys is told that nothing has ended.
    if (status === undefined) session.warn('read escape sequence');
    return status ?? 0;
  },
});

function cannot(what: string): ProaError {
  return new ProaError(`cannot attach to ${what}`, { kind: 'conflict' });
}
