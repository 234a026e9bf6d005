import { existsSync } from 'node:fs';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import type { HostConfig } from '#common/docker-api/types.ts';
import { kindOf, ProaError } from '#common/errors.ts';
import type { Namespace } from '#common/runtime-spec/types.ts';

/** The process of a container whose namespaces are to be shared. Throws where it does not run. */
export type ProcessOf = (container: string) => number;

export type Mode = { kind: 'private' | 'shareable' | 'host' | 'none' } | { kind: 'container'; name: string };

/** Of networks, the table of limited values tells; the last of the others is with a name. */
const allowed = {
  NetworkMode: [],
  PidMode: ['private', 'host', 'container'],
  IpcMode: ['private', 'shareable', 'none', 'host', 'container'],
} as const;

/**
 * What a mode of `HostConfig` means. No network has been made but the loopback device: `default` is `none`. Throws
 * `unsupported` for what is not there yet, and `invalid` for what is none.
 */
export function namespaceMode(field: keyof typeof allowed, text: string | undefined): Mode {
  const fallback = field === 'NetworkMode' ? 'none' : 'private';
  const value = text === undefined || text === '' || text === 'default' ? fallback : text;
  const [kind = '', name] = value.split(/:(.*)/s);
  // Any word is the name of a network.
  if (field === 'NetworkMode') checkHonoured('HostConfig.NetworkMode', value);
  else if (!(allowed[field] as readonly string[]).includes(kind))
    throw new ProaError(`HostConfig.${field}: expected ${allowed[field].join(', ')}:NAME, got "${value}"`, {
      kind: 'invalid',
    });
  if (kind === 'container') {
    if (name) return { kind, name };
    throw new ProaError(`HostConfig.${field}: expected container:NAME, got "${value}"`, { kind: 'invalid' });
  }
  return { kind } as Mode;
}

/** Fields of `HostConfig` that may name another container. */
export const namespaceFields = Object.keys(allowed) as (keyof typeof allowed)[];

/** Throws for a container that keeps its IPC namespace for itself, as Docker's do by default. */
export function checkShareable(name: string, { IpcMode }: HostConfig): void {
  const { kind } = namespaceMode('IpcMode', IpcMode);
  if (kind === 'private' || kind === 'none')
    throw new ProaError(`HostConfig.IpcMode: container ${name}: non-shareable IPC`, {
      kind: 'invalid',
      remedy: 'Make that container with IpcMode "shareable"',
    });
}

/** The process whose namespace a container joins, named by `HostConfig[field]`. */
export function joinedProcess(field: keyof typeof allowed, name: string, processOf: ProcessOf): number {
  try {
    return processOf(name);
  } catch (cause) {
    throw new ProaError(`HostConfig.${field}: cannot join the namespace of container ${name}`, {
      kind: kindOf(cause),
      cause,
    });
  }
}

export function containerNamespaces(host: HostConfig, processOf: ProcessOf): Namespace[] {
  const found: Namespace[] = [{ type: 'mount' }];
  const add = (field: keyof typeof allowed, type: 'network' | 'pid' | 'ipc', file: string) => {
    const mode = namespaceMode(field, host[field]);
    if (mode.kind === 'host') return;
    if (mode.kind !== 'container') found.push({ type });
    else found.push({ type, path: `/proc/${joinedProcess(field, mode.name, processOf)}/ns/${file}` });
  };
  add('NetworkMode', 'network', 'net');
  add('PidMode', 'pid', 'pid');
  add('IpcMode', 'ipc', 'ipc');
  if (host.UTSMode !== 'host') found.push({ type: 'uts' });
  if (cgroupNamespaceMode(host) === 'private') found.push({ type: 'cgroup' });
  return found;
}

/** Docker's defaults: a privileged container, and one on cgroup version 1, sees the machine's tree. */
export function cgroupNamespaceMode({ CgroupnsMode, Privileged }: HostConfig): 'private' | 'host' {
  if (CgroupnsMode === 'private' || CgroupnsMode === 'host') return CgroupnsMode;
  return isCgroup2() && !Privileged ? 'private' : 'host';
}

export function isCgroup2(): boolean {
  return existsSync('/sys/fs/cgroup/cgroup.controllers');
}
