import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Config, Process } from '#common/runtime-spec/types.ts';
import { parseProcess, validateProcess } from '#common/runtime-spec/validate.ts';
import { countOption, type Parsed, parseOptions } from '#native/options.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { exists, readText } from '#sys/files.ts';
import { openProcess, statusOfReason } from '#sys/processes.ts';
import { blockAllSignals } from '#sys/signals.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import type { Context } from '../context.ts';
import { execProcess, inheritFrom } from '../exec.ts';
import { superviseProcess } from '../foreground.ts';
import type * as consoles from '../process/console.ts';
import { isAlive, statusOf } from '../state/status.ts';
import { ContainerDirectory, type ContainerRecord } from '../state/store.ts';
import type * as terminalRelay from '../terminal-relay.ts';
import { explained } from './explained.ts';

const consolePart = lazy<typeof consoles>('console');

export const detached = true;
export const usage = 'exec [options] CONTAINER COMMAND [ARGUMENT...] | exec [options] --process FILE CONTAINER';
export const options = {
  process: { kind: 'value', short: 'p', help: 'file with the process as JSON: config.md, "process"' },
  tty: { kind: 'flag', short: 't', help: 'give it a terminal' },
  user: { kind: 'value', short: 'u', help: 'UID or UID:GID' },
  'additional-gids': { kind: 'value', short: 'g', help: 'supplementary group; may be repeated' },
  cwd: { kind: 'value', help: 'working directory in the container' },
  env: { kind: 'value', short: 'e', help: 'NAME=VALUE; may be repeated' },
  cap: { kind: 'value', short: 'c', help: 'capability to add; may be repeated' },
  apparmor: { kind: 'value', help: 'AppArmor profile' },
  'no-new-privs': { kind: 'flag', help: 'nothing it executes gains privileges' },
  'process-label': { kind: 'value', help: 'SELinux label' },
  'console-socket': { kind: 'value', help: 'unix socket that receives the master side of the terminal' },
  'pid-file': { kind: 'value', help: 'file to write the process id to' },
  'preserve-fds': { kind: 'value', help: 'descriptors from 3 up that the process gets too' },
  detach: { kind: 'flag', short: 'd', help: 'leave once the program runs' },
  'ignore-paused': { kind: 'flag', help: 'start it in a paused container too: it waits there' },
  cgroup: { kind: 'value', help: 'cgroup below the container’s, as PATH or CONTROLLER:PATH; may be repeated' },
  'no-subreaper': { kind: 'flag', help: 'do not adopt orphans' },
  explain: {
    kind: 'optional',
    help: 'show the steps and system calls of the start on standard error; --explain=json as data',
  },
} as const;

export function run(context: Context, args: readonly string[]): number {
  const parsed = parseOptions(options, args);
  const [id, ...command] = parsed.rest;
  if (!id) throw new ProaError('missing argument: container ID', { kind: 'invalid' });
  const { record, config } = load(context, id, parsed.flags.has('ignore-paused'));
  const process = processFrom(parsed, command, config, context);
  using target = openTarget(record);
  const detach = parsed.flags.has('detach');
  blockAllSignals(true);
  const own = process.terminal && !parsed.values['console-socket'] ? ownTerminal(detach) : undefined;
  let master: OwnedFd | undefined;
  const child = explained(context, 'exec', parsed.values['explain'], (explanation) =>
    execProcess({
      root: context.root,
      id,
      config,
      process,
      target,
      pid: record.pid as number,
      cgroup: cgroupFrom(parsed, record.cgroup),
      console: own ? own.give : consoleSocket(parsed, process),
      onTerminal: () => {
        master = own?.receive();
      },
      pidFile: parsed.values['pid-file'],
      preserveFds: countOption(parsed, 'preserve-fds'),
      subreaper: !detach && !parsed.flags.has('no-subreaper'),
      warn: context.warn,
      explanation,
    }),
  );
  if (detach) return 0;
  const reason = master
    ? lazy<typeof terminalRelay>('terminal-relay')().superviseTerminal(child, master)
    : superviseProcess(child);
  return statusOfReason(reason);
}

function load(context: Context, id: string, ignorePaused: boolean): { record: ContainerRecord; config: Config } {
  // Locked only while reading: executions of one container never wait for each other.
  using directory = ContainerDirectory.open(context.root, id);
  const record = directory.load();
  const status = statusOf(context.root, record);
  if (!record || (status !== 'running' && status !== 'created' && status !== 'paused')) {
    throw new ProaError(`cannot exec in a ${status} container`, { kind: 'conflict' });
  }
  if (status === 'paused' && !ignorePaused) {
    throw new ProaError('cannot exec in a paused container', {
      kind: 'conflict',
      remedy: 'Resume it, or use --ignore-paused',
    });
  }
  return { record, config: directory.loadConfig(context.root) };
}

function openTarget(record: ContainerRecord): OwnedFd {
  const target = openProcess(record.pid as number);
  // Looked at again with the handle in hand: the number may have passed to another process meanwhile.
  if (target && isAlive(record)) return target;
  target?.close();
  throw new ProaError('cannot exec in a stopped container', { kind: 'conflict' });
}

function ownTerminal(detach: boolean): ReturnType<typeof consoles.ownConsole> {
  if (detach) throw new ProaError('a terminal with --detach needs --console-socket', { kind: 'invalid' });
  return consolePart().ownConsole();
}

function consoleSocket(parsed: Parsed, process: Process): OwnedFd | undefined {
  const path = parsed.values['console-socket'];
  if (!path) return undefined;
  if (!process.terminal)
    throw new ProaError('option --console-socket is given, but no terminal is wanted', { kind: 'invalid' });
  return consolePart().connectConsole(path);
}

/** The process of the file, or the container's own with what the options change. */
function processFrom(parsed: Parsed, command: string[], config: Config, context: Context): Process {
  const { values, lists, flags } = parsed;
  const warnings: string[] = [];
  if (values['process']) {
    const given = parseProcess(readText(values['process']), { warnings });
    for (const warning of warnings) context.warn(warning);
    return inheritFrom(config, given);
  }
  if (command.length === 0) throw new ProaError('missing argument: command', { kind: 'invalid' });
  const base = config.process as Process;
  const process: Process = { ...base, args: command, terminal: flags.has('tty') };
  delete process.consoleSize;
  if (values['cwd']) process.cwd = values['cwd'];
  if (values['apparmor']) process.apparmorProfile = values['apparmor'];
  if (values['process-label']) process.selinuxLabel = values['process-label'];
  // Without the option the configuration's word holds, as in runc.
  if (values['no-new-privs']) process.noNewPrivileges = flags.has('no-new-privs');
  process.env = [...(base.env ?? []), ...(lists['env'] ?? [])];
  if (values['user']) process.user = { ...base.user, ...parseUser(values['user']) };
  const groups = (lists['additional-gids'] ?? []).map((text) => idNumber(text, '--additional-gids'));
  if (groups.length > 0)
    process.user = { ...process.user, additionalGids: [...(process.user.additionalGids ?? []), ...groups] };
  if (lists['cap']) process.capabilities = withCapabilities(process, lists['cap']);
  validateProcess(process, { warnings });
  // Of the container's own it was said when that was made.
  if (lists['cap']) for (const warning of warnings) context.warn(warning);
  return process;
}

function parseUser(text: string): { uid: number; gid?: number } {
  const [uid = '', gid, ...more] = text.split(':');
  if (more.length > 0)
    throw new ProaError(`option --user: expected UID or UID:GID, got "${text}"`, { kind: 'invalid' });
  const user = { uid: idNumber(uid, '--user') };
  return gid === undefined ? user : { ...user, gid: idNumber(gid, '--user') };
}

function idNumber(text: string, option: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 0xffffffff) return Number(text);
  throw new ProaError(`option ${option}: expected a number, got "${text}"`, { kind: 'invalid' });
}

/** As runc: a capability added is bounding, effective and permitted, and ambient only where it is inheritable. */
function withCapabilities({ capabilities = {} }: Process, added: string[]): NonNullable<Process['capabilities']> {
  const { bounding = [], effective = [], permitted = [], inheritable = [], ambient = [] } = capabilities;
  const also = (list: string[], names: string[]) => [...new Set([...list, ...names])];
  return {
    bounding: also(bounding, added),
    effective: also(effective, added),
    permitted: also(permitted, added),
    inheritable,
    ambient: also(
      ambient,
      added.filter((name) => inheritable.includes(name)),
    ),
  };
}

/** The container's cgroups, or those below them that the options name. */
function cgroupFrom({ lists }: Parsed, cgroup: CgroupRecord): CgroupRecord {
  const directories = { ...cgroup.directories };
  for (const word of lists['cgroup'] ?? []) {
    const colon = word.indexOf(':');
    const [controllers, path] =
      colon < 0 ? [Object.keys(directories), word] : [word.slice(0, colon).split(','), word.slice(colon + 1)];
    for (const controller of controllers) {
      const own = cgroup.directories[controller];
      const directory = `${own}/${path.replace(/^\/+/, '')}`;
      if (own === undefined || path.split('/').includes('..') || !exists(directory)) {
        throw new ProaError(`option --cgroup: the container has no cgroup "${word}"`, { kind: 'invalid' });
      }
      directories[controller] = directory;
    }
  }
  return { ...cgroup, directories };
}
