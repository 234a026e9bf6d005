import { defaultDetachKeys, parseDetachKeys } from '#common/streams/detach-keys.ts';
import { windowSize } from '#sys/terminals.ts';
import { defineCommand } from '../command.ts';
import { environmentOf } from '../container/environment.ts';
import { segment } from '../engine.ts';
import { ApiError, StatusError } from '../failures.ts';
import { relay } from '../streams/relay.ts';
import { followWindow, needTerminal, takeTerminal } from '../streams/terminal.ts';

export const command = defineCommand({
  usage: 'CONTAINER COMMAND [ARG...]',
  summary: 'Execute a command in a running container',
  options: {
    detach: { kind: 'flag', short: 'd', help: 'Leave it running' },
    'detach-keys': { kind: 'text', help: 'Keys that leave it running' },
    env: { kind: 'list', short: 'e', help: 'Set an environment variable (NAME=VALUE, or NAME for ours)' },
    'env-file': { kind: 'list', help: 'Read environment variables from a file' },
    interactive: { kind: 'flag', short: 'i', help: 'Keep standard input open' },
    privileged: { kind: 'flag', help: 'Give it all rights' },
    tty: { kind: 'flag', short: 't', help: 'Give it a terminal' },
    user: { kind: 'text', short: 'u', help: 'User, and group (NAME|UID[:GROUP|GID])' },
    workdir: { kind: 'text', short: 'w', help: 'Working directory' },
  },
  least: 2,
  endsOptions: true,
  subject: 'running',

  async run(session, { options, words }) {
    const { engine, loop } = session;
    const [container = '', ...line] = words;
    const { detach, tty, interactive } = options;
    const keys = parseDetachKeys(options['detach-keys'] || defaultDetachKeys);
    if (!detach) needTerminal({ stdin: interactive, tty });
    const size = tty ? windowSize(1) : undefined;
    const json = {
      Cmd: line,
      AttachStdin: interactive && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Tty: tty,
      Privileged: options.privileged,
      Env: environmentOf(options['env-file'], options.env),
      ...(options.user !== undefined && { User: options.user }),
      ...(options.workdir !== undefined && { WorkingDir: options.workdir }),
      ...(options['detach-keys'] !== undefined && { DetachKeys: options['detach-keys'] }),
      ...(size && { ConsoleSize: [size.rows, size.columns] }),
    };
    const { Id } = await engine.post<{ Id: string }>(`/containers/${segment(container)}/exec`, { json });
    const path = `/exec/${segment(Id)}`;
    const start = { Detach: detach, Tty: tty, ...(size && { ConsoleSize: [size.rows, size.columns] }) };
    if (detach) {
      await engine.post(`${path}/start`, { json: start });
      return 0;
    }
    const stream = await engine.hijack(`${path}/start`, { json: start }).catch(failed);
    {
      using _terminal = tty && interactive ? takeTerminal(loop) : undefined;
      using _window = tty
        ? followWindow(loop, ({ rows, columns }) => engine.post(`${path}/resize`, { query: { h: rows, w: columns } }))
        : undefined;
      const end = await relay(loop, stream.connection, {
        stdin: interactive,
        multiplexed: stream.multiplexed ?? !tty,
        detachKeys: tty ? keys : [],
      });
      if (end === 'detached') return 0;
    }
    const { ExitCode } = await engine.get<{ ExitCode: number | null }>(`${path}/json`);
    return ExitCode ?? 0;
  },
});

/** As shells have it: the program was not found, or cannot be executed. */
function failed(error: unknown): never {
  const text = error instanceof ApiError ? error.message : '';
  if (/executable file not found|no such file or directory/.test(text)) throw new StatusError(127, error);
  if (/permission denied|is a directory/.test(text)) throw new StatusError(126, error);
  throw error;
}
