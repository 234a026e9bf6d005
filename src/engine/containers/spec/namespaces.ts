import { existsSync } from 'node:fs';
import type { HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Namespace } from '#common/runtime-spec/types.ts';

/** The process of a container whose namespaces are to be shared. Throws where it does not run. */
export type ProcessOf = (container: string) => number;

export type Mode = { kind: 'private' } | { kind: 'host' } | { kind: 'none' } | { kind: 'container'; name: string };

const allowed = {
  NetworkMode: ['none', 'host', 'container'],
  PidMode: ['private', 'host', 'container'],
  IpcMode: ['private', 'none', 'host'],
} as const;

/**
 * What a mode of `HostConfig` means. No network has been made but the loopback device: `default` is `none`. Throws
 * `unsupported` for what is not there yet, and `invalid` for what is none.
 */
export function namespaceMode(field: keyof typeof allowed, text: string | undefined): Mode {
  const fallback = field === 'NetworkMode' ? 'none' : 'private';
  const value = text === undefined || text === '' || text === 'default' ? fallback : text;
  const [kind = '', name] = value.split(/:(.*)/s);
  if (!(allowed[field] as readonly string[]).includes(kind))
    throw new ProaError(`HostConfig.${field}: "${value}" is not supported`, {
      kind: 'unsupported',
      remedy: `There is: ${allowed[field].map((word) => (word === 'container' ? 'container:NAME' : word)).join(', ')}`,
    });
  if (kind === 'container') {
    if (name) return { kind, name };
    throw new ProaError(`HostConfig.${field}: expected container:NAME, got "${value}"`, { kind: 'invalid' });
  }
  return { kind } as Mode;
}

export function containerNamespaces(host: HostConfig, processOf: ProcessOf): Namespace[] {
  const found: Namespace[] = [{ type: 'mount' }];
  const add = (type: 'network' | 'pid' | 'ipc', mode: Mode) => {
    if (mode.kind === 'host') return;
    if (mode.kind !== 'container') found.push({ type });
    else found.push({ type, path: `/proc/${processOf(mode.name)}/ns/${type === 'network' ? 'net' : type}` });
  };
  add('network', namespaceMode('NetworkMode', host.NetworkMode));
  add('pid', namespaceMode('PidMode', host.PidMode));
  add('ipc', namespaceMode('IpcMode', host.IpcMode));
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
