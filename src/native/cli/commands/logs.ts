import { defineCommand } from '../command.ts';
import { containerPath } from '../container/path.ts';
import { OutputStream } from '../streams/output.ts';
import { copyPieces } from '../streams/relay.ts';
import { apiTime } from '../times.ts';

export const command = defineCommand({
  usage: 'CONTAINER',
  summary: 'Show what a container has said',
  options: {
    details: { kind: 'flag', help: 'Show what the log driver adds' },
    follow: { kind: 'flag', short: 'f', help: 'Go on with what it says next' },
    since: { kind: 'text', help: 'From this time on, or so long ago (2026-01-02T13:23:37Z, 42m)' },
    tail: { kind: 'text', short: 'n', help: 'So many of the last lines', default: 'all' },
    timestamps: { kind: 'flag', short: 't', help: 'Show when each line was said' },
    until: { kind: 'text', help: 'Up to this time' },
  },
  least: 1,
  most: 1,
  subject: 'container',

  async run(session, { options, words: [name = ''] }) {
    const { engine, loop } = session;
    const { Id, Config } = await engine.get<{ Id: string; Config: { Tty: boolean } }>(containerPath(name, 'json'));
    const { body } = await engine.open('GET', containerPath(Id, 'logs'), {
      query: {
        stdout: true,
        stderr: true,
        details: options.details || undefined,
        follow: options.follow || undefined,
        since: apiTime(options.since),
        until: apiTime(options.until),
        tail: options.tail,
        timestamps: options.timestamps || undefined,
      },
    });
    using stdout = new OutputStream(loop, 1);
    using stderr = new OutputStream(loop, 2);
    if (!Config.Tty) await copyPieces(() => body.read(), { stdout, stderr });
    else for (let bytes = await body.read(); bytes; bytes = await body.read()) await stdout.write(bytes);
    return 0;
  },
});
