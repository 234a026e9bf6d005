import { readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import type { ContainerConfig, HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Containers } from '../containers.ts';
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

/** The name that a container has: of the machine where it uses its network, of another container where it joins that one's. */
export function hostNameOf(containers: Containers, record: ContainerRecord): string {
  const { id, config, host } = record;
  if (config.Hostname) return config.Hostname;
  const usesMachine = namespaceMode('NetworkMode', host.NetworkMode).kind === 'host' || host.UTSMode === 'host';
  if (usesMachine) return machineName();
  const owner = networkOwner(containers, record);
  return owner === record ? id.slice(0, 12) : hostNameOf(containers, owner);
}

/** Whose network a container has, and so whose names and addresses: its own, or that of the one that it joins. */
export function networkOwner(containers: Containers, record: ContainerRecord): ContainerRecord {
  const passed = new Set<string>();
  for (let owner = record; ; ) {
    const mode = namespaceMode('NetworkMode', owner.host.NetworkMode);
    const other = mode.kind === 'container' ? containers.findIfAny(mode.name)?.record : undefined;
    // Of two that join each other, as names may come to mean others, none can start.
    if (!other || passed.has(other.id)) return owner;
    passed.add(other.id);
    owner = other;
  }
}

/** Throws `invalid` for what the files of a container could not say, and for what those of another would have to. */
export function checkNetworkFiles(config: ContainerConfig, host: HostConfig): void {
  const joins = namespaceMode('NetworkMode', host.NetworkMode).kind === 'container';
  const { Dns = [], DnsOptions = [], DnsSearch = [], ExtraHosts = [], UTSMode } = host;
  const conflicts: [boolean, string][] = [
    [UTSMode === 'host' && Boolean(config.Hostname), 'hostname and the UTS mode'],
    [joins && Boolean(config.Hostname), 'hostname and the network mode'],
    [joins && Dns.length + DnsOptions.length + DnsSearch.length > 0, 'dns and the network mode'],
    [joins && ExtraHosts.length > 0, 'custom host-to-IP mapping and the network mode'],
  ];
  for (const [is, what] of conflicts) if (is) throw new ProaError(`conflicting options: ${what}`, { kind: 'invalid' });
  for (const address of Dns)
    if (isIP(address) === 0) throw new ProaError(`HostConfig.Dns: "${address}" is no IP address`, { kind: 'invalid' });
  for (const text of ExtraHosts) extraHost(text);
}

/**
 * Writes what a container finds as /etc/hosts, /etc/hostname and /etc/resolv.conf into its bundle: in memory, where it is
 * done before another thread would have begun.
 */
export function writeNetworkFiles(
  record: ContainerRecord,
  { bundle, hostname }: { bundle: string; hostname: string },
): OwnFiles {
  const files = ownFiles(bundle);
  writeFileSync(files.hostname, `${hostname}\n`, { mode: 0o644 });
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
  const extra = (host.ExtraHosts ?? []).map(extraHost);
  return `${[...own, ...extra.map(({ name, address }) => `${address}\t${name}`)].join('\n')}\n`;
}

/** `NAME:ADDRESS`, `NAME=ADDRESS`; the address may stand in brackets. */
function extraHost(text: string): { name: string; address: string } {
  const [, name = '', given = ''] = /^([^:=]+)[:=](.*)$/.exec(text) ?? [];
  checkHonoured('HostConfig.ExtraHosts', `${name}:${given}`);
  const address = given.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0) return { name, address };
  throw new ProaError(`HostConfig.ExtraHosts: "${text}": "${given}" is no IP address`, { kind: 'invalid' });
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
