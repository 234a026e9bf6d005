import { ProaError } from '#common/errors.ts';
import { defineCommand } from '../command.ts';
import { runInForeground } from '../container/foreground.ts';
import { containerPath } from '../container/path.ts';
import { forEach } from '../each.ts';
import type { Session } from '../session.ts';
import { needTerminal } from '../streams/terminal.ts';

interface Inspected {
  Id: string;
  Config: { Tty: boolean; OpenStdin: boolean };
  HostConfig: { AutoRemove: boolean };
}

export const command = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Start one or more stopped containers',
  options: {
    attach: { kind: 'flag', short: 'a', help: 'Show its output, and pass signals on to it' },
    'detach-keys': { kind: 'text', help: 'Keys that leave it running' },
    interactive: { kind: 'flag', short: 'i', help: 'Give it our standard input' },
  },
  least: 1,
  subject: 'container',

  async run(session, { options, words }) {
    const { engine } = session;
    const { attach, interactive } = options;
    if (!attach && !interactive) return startAll(session, words, options['detach-keys']);
    const [name = '', ...more] = words;
    if (more.length > 0)
      throw new ProaError('you cannot start and attach multiple containers at once', { kind: 'invalid' });
    const { Id, Config, HostConfig } = await engine.get<Inspected>(containerPath(name, 'json'));
    const attachment = { stdin: interactive && Config.OpenStdin, stdout: attach, stderr: attach };
    needTerminal({ stdin: attachment.stdin, tty: Config.Tty });
    const status = await runInForeground(session, Id, {
      attachment: { ...attachment, stdout: true, stderr: true },
      tty: Config.Tty,
      detachKeys: options['detach-keys'],
      forwardsSignals: attach,
      until: HostConfig.AutoRemove ? 'removed' : 'next-exit',
      start: (query) => engine.post(containerPath(Id, 'start'), { query }),
    });
    return status ?? 0;
  },
});

async function startAll(session: Session, names: readonly string[], detachKeys: string | undefined): Promise<number> {
  const failed: string[] = [];
  const status = await forEach(session, names, (name) =>
    session.engine.post(containerPath(name, 'start'), { query: { detachKeys } }).catch((error) => {
      failed.push(name);
      throw error;
    }),
  );
  if (failed.length > 0) session.warn(`Error: failed to start containers: ${failed.join(', ')}`);
  return status;
}
