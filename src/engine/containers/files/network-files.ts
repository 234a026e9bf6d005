import { readFileSync, writeFileSync } from 'node:fs';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import type { HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { ContainerRecord } from '../record.ts';
import type { OwnFiles } from '../spec/mounts.ts';
import { namespaceMode } from '../spec/namespaces.ts';

const localHosts = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** The name that a container has: of the machine where it uses its network. */
export function hostNameOf({ id, config, host }: ContainerRecord): string {
  if (config.Hostname) return config.Hostname;
  const usesMachine = namespaceMode('NetworkMode', host.NetworkMode).kind === 'host' || host.UTSMode === 'host';
  return usesMachine ? machineName() : id.slice(0, 12);
}

/**
 * Writes what a container finds as /etc/hosts, /etc/hostname and /etc/resolv.conf into its bundle: in memory, where it is
 * done before another thread would have begun.
 */
export function writeNetworkFiles(record: ContainerRecord, bundle: string): OwnFiles {
  const files = ownFiles(bundle);
  writeFileSync(files.hostname, `${hostNameOf(record)}\n`, { mode: 0o644 });
  writeFileSync(files.hosts, hostsFile(record), { mode: 0o644 });
  writeFileSync(files.resolvConf, resolvFile(record.host), { mode: 0o644 });
  return files;
}

export function ownFiles(directory: string): OwnFiles {
  return {
    hosts: join(directory, 'hosts'),
    hostname: join(directory, 'hostname'),
    resolvConf: join(directory, 'resolv.conf'),
  };
}

function hostsFile({ host }: ContainerRecord): string {
  const { kind } = namespaceMode('NetworkMode', host.NetworkMode);
  const own = kind === 'host' ? readIfAny('/etc/hosts').trimEnd().split('\n') : localHosts;
  const extra = (host.ExtraHosts ?? []).map((text) => {
    const [, name = '', address = ''] = /^([^:=]+)[:=](.*)$/.exec(text) ?? [];
    if (address === 'host-gateway')
      throw new ProaError(`HostConfig.ExtraHosts: "${text}": there is no gateway without a network`, {
        kind: 'unsupported',
      });
    return `${address.replace(/^\[(.*)\]$/, '$1')}\t${name}`;
  });
  return `${[...own, ...extra].join('\n')}\n`;
}

/** The machine's, but for what was asked for. resolv.conf(5). */
function resolvFile({ Dns = [], DnsSearch = [], DnsOptions = [] }: HostConfig): string {
  const lines = readIfAny('/etc/resolv.conf').split('\n');
  const machine = (keyword: string) => lines.filter((line) => line.trim().split(/\s+/)[0] === keyword);
  const search = DnsSearch.length === 1 && DnsSearch[0] === '.' ? [] : [`search ${DnsSearch.join(' ')}`];
  return `${[
    ...(Dns.length > 0 ? Dns.map((address) => `nameserver ${address}`) : machine('nameserver')),
    ...(DnsSearch.length > 0 ? search : [...machine('search'), ...machine('domain')]),
    ...(DnsOptions.length > 0 ? [`options ${DnsOptions.join(' ')}`] : machine('options')),
  ].join('\n')}\n`;
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A machine need not have one.
    return '';
  }
}
