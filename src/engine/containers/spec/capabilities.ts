import { readFileSync } from 'node:fs';
import type { HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import { capabilityNumbers } from '#common/runtime-spec/capabilities.ts';

/** What a container may without asking: Docker Engine, "Runtime privilege and Linux capabilities". */
const defaults = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

/** Names come with or without CAP_ and in any case; `ALL` stands for every one. Throws `invalid` for one that is none. */
export function containerCapabilities({ CapAdd = [], CapDrop = [], Privileged = false }: HostConfig): string[] {
  const added = CapAdd.map((name) => capability(name, 'CapAdd'));
  const dropped = CapDrop.map((name) => capability(name, 'CapDrop'));
  if (Privileged) return hostCapabilities();
  if (added.includes('ALL')) return hostCapabilities().filter((name) => !dropped.includes(name));
  if (dropped.includes('ALL')) return added;
  return [...new Set([...defaults.filter((name) => !dropped.includes(name)), ...added])];
}

function capability(text: string, field: string): string {
  const upper = text.toUpperCase();
  if (upper === 'ALL') return upper;
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (capabilityNumbers[name] !== undefined) return name;
  throw new ProaError(`HostConfig.${field}: unknown capability: "${text}"`, { kind: 'invalid' });
}

/** All that this process could give: a machine, or whoever started us, may have kept some back. proc_pid_status(5), CapBnd. */
export function hostCapabilities(): string[] {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const mask = BigInt(`0x${bounding ?? '0'}`);
  return Object.keys(capabilityNumbers).filter((name) => (mask >> BigInt(capabilityNumbers[name] ?? 0)) & 1n);
}
