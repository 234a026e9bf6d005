import type { ContainerConfig, HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Process, User } from '#common/runtime-spec/types.ts';
import { containerLimits } from './resources.ts';
import type { SecuritySettings } from './security.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The program of a container. */
export function containerProcess(
  config: ContainerConfig,
  host: HostConfig,
  { user, hostname, capabilities, security }: ProcessSettings,
): Process {
  const { Tty = false } = config;
  const [height = 0, width = 0] = host.ConsoleSize ?? [];
  const limits = containerLimits(host);
  return {
    terminal: Tty,
    ...(Tty && height > 0 && width > 0 && { consoleSize: { height, width } }),
    user,
    args: commandOf(config),
    env: environmentOf(config, hostname),
    cwd: config.WorkingDir ?? '/',
    capabilities: capabilitySets(capabilities, user),
    ...(limits.length > 0 && { rlimits: limits }),
    noNewPrivileges: security.noNewPrivileges,
    ...(security.apparmor !== undefined && { apparmorProfile: security.apparmor }),
    ...(host.OomScoreAdj !== undefined && host.OomScoreAdj !== 0 && { oomScoreAdj: host.OomScoreAdj }),
  };
}

export interface ProcessSettings {
  user: User;
  hostname: string;
  capabilities: string[];
  security: SecuritySettings;
}

export function commandOf({ Entrypoint = [], Cmd = [] }: ContainerConfig): string[] {
  const args = [...Entrypoint, ...Cmd];
  if (args.length === 0) throw new ProaError('no command specified', { kind: 'invalid' });
  return args;
}

/** Another user than root gets none at once; the bounding set says what a program with file capabilities may get. */
export function capabilitySets(names: string[], { uid }: User): NonNullable<Process['capabilities']> {
  return uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names };
}

/** Later entries replace earlier ones of their name; a name without `=` takes the variable away. */
export function environmentOf({ Env = [], Tty = false }: ContainerConfig, hostname: string): string[] {
  const given = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${hostname}`, ...(Tty ? ['TERM=xterm'] : []), ...Env];
  return mergeEnvironment(given);
}

export function mergeEnvironment(entries: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals < 0) byName.delete(entry);
    else byName.set(entry.slice(0, equals), entry);
  }
  return [...byName.values()];
}
