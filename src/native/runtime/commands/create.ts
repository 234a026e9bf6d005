import { ProaError } from '#common/errors.ts';
import type { Process } from '#common/runtime-spec/types.ts';
import { countOption, type Parsed, parseOptions } from '#native/options.ts';
import { environmentVariable } from '#sys/environment.ts';
import { ownPid } from '#sys/processes.ts';
import { loadBundle } from '../bundle.ts';
import type { Context } from '../context.ts';
import { launchContainer } from '../launch.ts';
import { explained } from './explained.ts';

export const detached = true;
export const usage = 'create [options] CONTAINER';

/** Options of every command that makes a container. */
export const launchOptions = {
  bundle: { kind: 'value', short: 'b', help: 'directory of the bundle (default: the working directory)' },
  config: { kind: 'value', short: 'f', help: 'configuration in place of the bundle’s config.json' },
  'console-socket': { kind: 'value', help: 'unix socket that receives the master side of the terminal' },
  'pid-file': { kind: 'value', help: 'file to write the process id to' },
  'no-pivot': { kind: 'flag', help: 'use chroot(2) in place of pivot_root(2): for hosts that run from an initramfs' },
  'no-new-keyring': { kind: 'flag', help: 'keep the session keyring of the caller' },
  'preserve-fds': { kind: 'value', help: 'descriptors from 3 up that the process gets too' },
} as const;

export const options = launchOptions;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  explained(context, 'create', undefined, (explanation) => launchFrom(context, parsed, true, { explanation }));
  return 0;
}

/** Makes a container from the command line's options. */
export function launchFrom(
  context: Context,
  parsed: Parsed,
  waitForStart: boolean,
  more: Partial<Parameters<typeof launchContainer>[0]> = {},
) {
  const id = onlyArgument(parsed, 'container ID');
  const bundle = loadBundle(parsed.values['bundle'], parsed.values['config'], context.warn, context.root);
  const consoleSocket = parsed.values['console-socket'];
  const { terminal } = bundle.config.process;
  if (consoleSocket && !terminal) {
    throw new ProaError('option --console-socket is given, but process.terminal is not set', { kind: 'invalid' });
  }
  if (waitForStart && terminal && !consoleSocket) {
    throw new ProaError('process.terminal is set: a container that outlives the command needs --console-socket', {
      kind: 'invalid',
    });
  }
  const passed = passedFds(bundle.config.process);
  return launchContainer({
    root: context.root,
    id,
    bundle: bundle.path,
    config: bundle.config,
    configText: bundle.text,
    waitForStart,
    consoleSocket,
    pidFile: parsed.values['pid-file'],
    preserveFds: countOption(parsed, 'preserve-fds') + passed,
    pivot: !parsed.flags.has('no-pivot'),
    newKeyring: !parsed.flags.has('no-new-keyring'),
    notify: environmentVariable('NOTIFY_SOCKET'),
    warn: context.warn,
    ...more,
  });
}

/** Descriptors that a service manager passed to us, not to whoever called us, are for the container: sd_listen_fds(3). */
function passedFds(process: Process): number {
  const text = environmentVariable('LISTEN_FDS');
  if (!text || !/^\d{1,6}$/.test(text)) return 0;
  // Some callers name nobody, and mean us.
  const meant = environmentVariable('LISTEN_PID');
  if (meant && meant !== String(ownPid())) return 0;
  process.env = [
    ...(process.env ?? []).filter((entry) => !entry.startsWith('LISTEN_')),
    `LISTEN_FDS=${text}`,
    'LISTEN_PID=1',
  ];
  return Number(text);
}

/** The one word that a command takes after its options. */
export function onlyArgument({ rest }: Parsed, what: string): string {
  if (rest.length === 1 && rest[0] !== '') return rest[0] as string;
  throw new ProaError(
    rest.length === 0 ? `missing argument: ${what}` : `expected one argument (${what}), got ${rest.length}`,
    {
      kind: 'invalid',
    },
  );
}
