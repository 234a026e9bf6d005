import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { version } from '#common/version.ts';
import { parseOptions } from '#native/options.ts';
import { runDetached } from '#sys/detached.ts';
import { commandLine } from '#sys/environment.ts';
import { openStandardStreams } from '#sys/fd.ts';
import { writeAll } from '#sys/files.ts';
import * as create from './commands/create.ts';
import * as remove from './commands/delete.ts';
import * as exec from './commands/exec.ts';
import * as kill from './commands/kill.ts';
import * as run from './commands/run.ts';
import * as start from './commands/start.ts';
import * as state from './commands/state.ts';
import type { Command, Context } from './context.ts';
import type * as log from './log.ts';

const ours = (command: Command) => () => command;

/** Every verb; what a start needs is here already, the rest is loaded when asked for. */
const commands: Record<string, () => Command> = {
  create: ours(create),
  start: ours(start),
  run: ours(run),
  state: ours(state),
  kill: ours(kill),
  delete: ours(remove),
  exec: ours(exec),
  ps: lazy<Command>('command-ps'),
  pause: lazy<Command>('command-pause'),
  resume: lazy<Command>('command-resume'),
  list: lazy<Command>('command-list'),
  update: lazy<Command>('command-update'),
  events: lazy<Command>('command-events'),
  spec: lazy<Command>('command-spec'),
  features: lazy<Command>('command-features'),
};

export const globals = {
  root: { kind: 'value', help: 'directory of container records (default: /run/proa/runtime)' },
  log: { kind: 'value', help: 'file for warnings and errors (default: standard error)' },
  'log-format': { kind: 'value', help: 'text or json (default: text)' },
  debug: { kind: 'flag', help: 'log every step too' },
  'systemd-cgroup': { kind: 'flag', help: 'refused: cgroups are made through cgroupfs only' },
  'cgroup-manager': { kind: 'value', help: 'cgroupfs' },
  rootless: { kind: 'value', help: 'auto or false; true is refused' },
  version: { kind: 'flag', short: 'v', help: 'print the version' },
  help: { kind: 'flag', short: 'h', help: 'print this text' },
} as const;

/** The runtime program: its exit status. */
export function runtimeMain(): number {
  const logPart = lazy<typeof log>('log');
  let sink: log.LogOptions = {};
  let name = '';
  try {
    openStandardStreams();
    const parsed = parseOptions(globals, commandLine().slice(1));
    sink = { file: parsed.values['log'] || undefined, format: parsed.values['log-format'] };
    const [word = '', ...args] = parsed.rest;
    name = word;
    if (parsed.flags.has('version')) {
      writeAll(1, `proa-runtime version ${version}\nspec: 1.3.0\n`);
      return 0;
    }
    if (parsed.flags.has('help') || word === '' || word === 'help') {
      writeAll(1, lazy<typeof import('./help.ts')>('help')().helpText(globals, commands));
      return 0;
    }
    refuseGlobals(parsed.flags, parsed.values);
    const command = Object.hasOwn(commands, word) ? commands[word]?.() : undefined;
    if (!command) throw new ProaError(`unknown command "${word}"`, { kind: 'invalid', remedy: 'See --help' });
    if (args[0] === '--help' || args[0] === '-h') {
      writeAll(1, lazy<typeof import('./help.ts')>('help')().commandHelp(command));
      return 0;
    }
    if (command.detached) runDetached();
    const context: Context = {
      root: parsed.values['root'] ?? '/run/proa/runtime',
      warn: (text) => logPart().writeLog(sink, 'warning', text),
      debug: parsed.flags.has('debug') ? (text) => logPart().writeLog(sink, 'debug', text) : undefined,
    };
    context.debug?.([word, ...args].join(' '));
    return command.run(context, args);
  } catch (error) {
    logPart().reportFailure(sink, error);
    return name === 'exec' ? 255 : 1;
  }
}

function refuseGlobals(flags: Set<string>, values: Record<string, string>): void {
  const later = (option: string, remedy = 'Use the cgroupfs driver') =>
    new ProaError(`option --${option} is not supported yet`, { kind: 'unsupported', remedy });
  const format = values['log-format'] ?? 'text';
  if (format !== 'text' && format !== 'json')
    throw new ProaError(`option --log-format: expected text or json, got "${format}"`, { kind: 'invalid' });
  if (flags.has('systemd-cgroup')) throw later('systemd-cgroup');
  if ((values['cgroup-manager'] ?? 'cgroupfs') !== 'cgroupfs')
    throw later(`cgroup-manager=${values['cgroup-manager']}`);
  if (!['auto', 'false', ''].includes(values['rootless'] ?? 'auto'))
    throw later(`rootless=${values['rootless']}`, 'Leave it out, or say auto or false');
}
