import { ProaError } from '#common/errors.ts';
import type { Input, Options } from './command.ts';
import type { Globals } from './session.ts';

/** The options before the command. */
export const globalOptions = {
  config: { kind: 'text', help: 'Directory of config.json (default: $DOCKER_CONFIG, or ~/.docker)' },
  context: { kind: 'text', short: 'c', help: 'Only "default"' },
  debug: { kind: 'flag', short: 'D', help: 'Say more on standard error' },
  host: {
    kind: 'list',
    short: 'H',
    help: 'The engine: unix://PATH or tcp://ADDRESS:PORT (default: $DOCKER_HOST, or our own, which is started if it does not run)',
  },
  'log-level': {
    kind: 'text',
    short: 'l',
    help: 'Say what is at least so grave',
    default: 'info',
    words: ['debug', 'info', 'warn', 'error', 'fatal'],
  },
  tls: { kind: 'flag', help: 'Refused: there is no TLS here' },
  tlscacert: { kind: 'text', help: 'Refused' },
  tlscert: { kind: 'text', help: 'Refused' },
  tlskey: { kind: 'text', help: 'Refused' },
  tlsverify: { kind: 'flag', help: 'Refused' },
  version: { kind: 'flag', short: 'v', help: 'Print the version' },
} as const satisfies Options;

const levels = globalOptions['log-level'].words;

/** What they mean for a command. */
export function globalsOf({ options, given }: Input<typeof globalOptions>): Globals {
  for (const name of given)
    if (name.startsWith('tls') && (options as Record<string, unknown>)[name] !== false)
      throw new ProaError(`option --${name} is not supported`, {
        kind: 'unsupported',
        remedy: 'Reach the engine over ssh or its unix socket',
      });
  if (options.context !== undefined && options.context !== 'default')
    throw new ProaError(`option --context: there is no context "${options.context}"`, {
      kind: 'unsupported',
      remedy: 'Name the engine with --host',
    });
  const level = options['log-level'];
  if (!levels.some((word) => word === level))
    throw new ProaError(`option --log-level: expected ${levels.join(', ')}, got "${level}"`, { kind: 'invalid' });
  if (options.host.length > 1) throw new ProaError('option --host: specify only one', { kind: 'invalid' });
  return { host: options.host[0], config: options.config, debug: options.debug || level === 'debug' };
}
