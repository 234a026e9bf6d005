import type { Config, Device } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { EEXIST } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { makeNode } from '#sys/files.ts';
import { attachMount } from '#sys/mounts.ts';
import { makeInRoot, openInRoot, openInRootIfAny } from '#sys/paths.ts';
import * as raw from '#sys/raw/file.ts';

/** Every container has these: config-linux.md, "Default Devices". */
export const defaultDevices: readonly Device[] = [
  { type: 'c', path: '/dev/null', major: 1, minor: 3 },
  { type: 'c', path: '/dev/zero', major: 1, minor: 5 },
  { type: 'c', path: '/dev/full', major: 1, minor: 7 },
  { type: 'c', path: '/dev/random', major: 1, minor: 8 },
  { type: 'c', path: '/dev/urandom', major: 1, minor: 9 },
  { type: 'c', path: '/dev/tty', major: 5, minor: 0 },
];

export const fileTypes = { c: raw.S_IFCHR, u: raw.S_IFCHR, b: raw.S_IFBLK, p: raw.S_IFIFO };

/** Makes the device files of a container, or binds those of the host where `host` has them, and the links beside them. */
export function makeDevices(root: OwnedFd, config: Config, host: Map<string, OwnedFd>): void {
  const extra = config.linux?.devices ?? [];
  const given = new Set(extra.map(({ path }) => path));
  // umask(2) would take bits off the modes given.
  const mask = raw.umask(0);
  try {
    using dev = openInRoot(root.number, '/dev', raw.O_PATH | raw.O_DIRECTORY);
    for (const device of defaultDevices)
      if (!given.has(device.path)) makeDevice(root, dev, device, host.get(device.path));
    for (const device of extra) makeDevice(root, dev, device, host.get(device.path));
    makeDeviceLinks(root, dev);
  } finally {
    raw.umask(mask);
  }
}

function makeDevice(root: OwnedFd, dev: OwnedFd, device: Device, host: OwnedFd | undefined): void {
  step(`make device "${device.path}"`, () => {
    if (host) {
      using target = makeInRoot(root.number, device.path, 'file');
      return attachMount(host, target, device.path);
    }
    const path = device.path.replace(/\/+$/, '');
    const name = path.slice(5);
    // Most devices lie right below /dev, which is open already.
    if (path.startsWith('/dev/') && !name.includes('/') && name !== '' && name !== '..') {
      return makeIn(dev, name, device);
    }
    const slash = path.lastIndexOf('/');
    using parent = makeInRoot(root.number, path.slice(0, slash) || '/', 'directory');
    makeIn(parent, path.slice(slash + 1), device);
  });
}

function makeIn(parent: OwnedFd, name: string, device: Device): void {
  const { type, path, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  try {
    makeNode(name, fileTypes[type] | (fileMode & 0o7777), { major, minor }, parent.number);
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
    // An image may bring the file; what is there must not be trusted to be that device.
    check(raw.unlinkat(parent.number, name, 0), 'unlinkat', path);
    makeNode(name, fileTypes[type] | (fileMode & 0o7777), { major, minor }, parent.number);
  }
  if (uid !== 0 || gid !== 0) {
    check(raw.fchownat(parent.number, name, uid, gid, raw.AT_SYMLINK_NOFOLLOW), 'fchownat', path);
  }
}

const links: readonly [name: string, target: string][] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

/** The symbolic links of runtime-linux.md, "Dev symbolic links", and /dev/ptmx of the container's own devpts. */
function makeDeviceLinks(root: OwnedFd, dev: OwnedFd): void {
  for (const [name, target] of links) makeLink(dev, name, target);
  using core = openInRootIfAny(root.number, '/proc/kcore', raw.O_PATH);
  if (core) makeLink(dev, 'core', '/proc/kcore');
  using instance = openInRootIfAny(root.number, '/dev/pts/ptmx', raw.O_PATH);
  if (!instance) return;
  // An image's /dev/ptmx would reach the host's terminals: it goes, whatever it is.
  raw.unlinkat(dev.number, 'ptmx', 0);
  makeLink(dev, 'ptmx', 'pts/ptmx');
}

function makeLink(dev: OwnedFd, name: string, target: string): void {
  const result = raw.symlinkat(target, dev.number, name);
  if (result !== -EEXIST) check(result, 'symlinkat', `/dev/${name}`);
}
