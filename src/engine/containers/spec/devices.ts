import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceMapping, HostConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { Device, DeviceRule } from '#common/runtime-spec/types.ts';
import { deviceNumber } from './resources.ts';

const rule = (type: 'c' | 'b', major: number, minor: number, access: string): DeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access,
});

/** What every container may use. Any node may be made: using it is another thing. Source: Docker Engine's default specification. */
const defaults: DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  // null, zero, full, random, urandom, tty, console, ptmx, and the pseudo-terminals.
  ...[3, 5, 7, 8, 9].map((minor) => rule('c', 1, minor, 'rwm')),
  ...[0, 1, 2].map((minor) => rule('c', 5, minor, 'rwm')),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

export function deviceRules(host: HostConfig): DeviceRule[] {
  if (host.Privileged) return [{ allow: true, access: 'rwm' }];
  const own = mappedDevices(host).map(({ device, access }) => {
    const { type, major, minor } = device;
    return { allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access } as DeviceRule;
  });
  return [...defaults, ...own, ...(host.DeviceCgroupRules ?? []).map(parseRule)];
}

function parseRule(text: string): DeviceRule {
  const [type, numbers = '', access] = text.split(' ');
  const [major = '*', minor = '*'] = numbers.split(':');
  return {
    allow: true,
    type: type as 'a' | 'b' | 'c',
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
    access: access as string,
  };
}

/** Device nodes to make; a privileged container has all of the machine's. */
export function containerDevices(host: HostConfig): Device[] {
  if (host.Privileged) return allDevices('/dev').map((path) => deviceAt(path, path, statSync(path)));
  return mappedDevices(host).map(({ device }) => device);
}

function mappedDevices({ Devices = [] }: HostConfig): { device: Device; access: string }[] {
  return Devices.flatMap((mapping) => {
    const { PathOnHost: from, CgroupPermissions: access = 'rwm' } = mapping;
    return devicesAt(mapping).map((path) => {
      const target = (mapping.PathInContainer ?? from) + path.slice(from.length);
      return { device: deviceAt(target, path, statSync(path)), access };
    });
  });
}

/** One device, or all of a directory such as /dev/snd. */
function devicesAt({ PathOnHost: path }: DeviceMapping): string[] {
  let facts: Stats;
  try {
    facts = statSync(path);
  } catch (cause) {
    throw new ProaError(`HostConfig.Devices: error gathering device information for "${path}"`, {
      kind: 'invalid',
      cause,
    });
  }
  if (facts.isDirectory()) return allDevices(path);
  if (isDevice(facts)) return [path];
  throw new ProaError(`HostConfig.Devices: "${path}" is not a device node`, { kind: 'invalid' });
}

/** Those that runtimes make themselves, and directories that are file systems of their own, are left out. */
const skipped = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', 'console', '.udev'];

function allDevices(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !skipped.includes(name))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return allDevices(path);
      return isDevice(lstatSync(path)) ? [path] : [];
    });
}

function isDevice(facts: Stats): boolean {
  return facts.isCharacterDevice() || facts.isBlockDevice();
}

function deviceAt(path: string, source: string, facts: Stats): Device {
  if (!isDevice(facts))
    throw new ProaError(`HostConfig.Devices: "${source}" is not a device node`, { kind: 'invalid' });
  const type = facts.isBlockDevice() ? 'b' : 'c';
  return { path, type, ...deviceNumber(facts.rdev), fileMode: facts.mode & 0o777, uid: facts.uid, gid: facts.gid };
}
