import { existsSync } from 'node:fs';
import type { HostConfig } from '#common/docker-api/types.ts';
import { deviceMounts } from '#common/runtime-spec/kernel-mounts.ts';
import type { Mount } from '#common/runtime-spec/types.ts';
import { imageMount } from '../../images/layers/image-mount.ts';
import type { SnapshotRoot } from '../../images/layers/snapshots.ts';
import type { ContainerMount } from '../record.ts';
import { namespaceMode } from './namespaces.ts';
import { tmpfsOptions } from './tmpfs-options.ts';

/** Files of the engine that a container finds under fixed names. */
export interface OwnFiles {
  hosts: string;
  hostname: string;
  resolvConf: string;
}

const SHM_BYTES = 64 << 20;
const kernelOptions = ['nosuid', 'noexec', 'nodev'];

export interface MountSettings {
  host: HostConfig;
  mounts: readonly ContainerMount[];
  files: OwnFiles;
  /** Mounted images, by where those are mounted. */
  images: ReadonlyMap<string, SnapshotRoot>;
  /** The process whose IPC namespace the container joins: /dev/shm belongs to that. */
  ipcProcess: number | undefined;
}

/** All mounts of a container, those of kernel file systems first, others by the depth of their place. */
export function containerMounts({ host, mounts, files, images, ipcProcess }: MountSettings): Mount[] {
  const given = [...mounts.map((mount) => ociMount(mount, images)), ...temporaryMounts(host)];
  const places = new Set(given.map(({ destination }) => destination));
  const own = [
    ...kernelMounts(host),
    ...ipcMounts(host, ipcProcess),
    bindOwn('/etc/resolv.conf', files.resolvConf),
    bindOwn('/etc/hostname', files.hostname),
    bindOwn('/etc/hosts', files.hosts),
  ];
  const kept = own.filter(({ destination }) => !places.has(destination));
  return [...kept, ...given.sort((a, b) => depth(a) - depth(b))];
}

const depth = ({ destination }: Mount): number => destination.split('/').length;

/** The same as those of Docker Engine's default specification. */
function kernelMounts({ Privileged = false }: HostConfig): Mount[] {
  const readOnly = Privileged ? [] : ['ro'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: kernelOptions },
    ...deviceMounts,
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...kernelOptions, ...readOnly] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [...kernelOptions, 'relatime', ...readOnly],
    },
  ];
}

/** /dev/mqueue and /dev/shm belong to the IPC namespace: that of the machine, which need not have both, or of a container. */
function ipcMounts({ ShmSize = 0, IpcMode }: HostConfig, ipcProcess: number | undefined): Mount[] {
  const bound = (destination: string, source: string): Mount[] => [
    { destination, type: 'bind', source, options: ['rbind', ...kernelOptions] },
  ];
  const { kind } = namespaceMode('IpcMode', IpcMode);
  if (kind === 'host')
    return ['/dev/mqueue', '/dev/shm'].filter((path) => existsSync(path)).flatMap((path) => bound(path, path));
  // It is of the namespace of whoever mounts it: mq_overview(7).
  const queues: Mount = { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: kernelOptions };
  if (kind === 'none') return [queues];
  if (ipcProcess !== undefined) return [queues, ...bound('/dev/shm', `/proc/${ipcProcess}/root/dev/shm`)];
  const options = [...kernelOptions, 'mode=1777', `size=${ShmSize || SHM_BYTES}`];
  return [queues, { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options }];
}

function bindOwn(destination: string, source: string): Mount {
  return { destination, source, type: 'bind', options: ['rbind', 'rprivate'] };
}

function ociMount(mount: ContainerMount, images: MountSettings['images']): Mount {
  const { Type, Destination: destination, Source: source, RW, options } = mount;
  if (Type === 'tmpfs') return { destination, type: 'tmpfs', source: 'tmpfs', options: [...options] };
  const image = images.get(destination);
  if (Type === 'image' && image) return imageMount(image, destination);
  const part = mount.subpath === undefined ? [] : [`X-mount.subdir=${mount.subpath}`];
  const access = RW ? [] : [mount.shallowReadOnly ? 'ro' : 'rro'];
  return { destination, type: 'bind', source, options: [...options, ...part, ...access] };
}

/** `HostConfig.Tmpfs`. Throws `invalid` for options that there are not. */
export function temporaryMounts({ Tmpfs = {} }: HostConfig): Mount[] {
  return Object.entries(Tmpfs).map(([destination, text]) => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: tmpfsOptions(text, `HostConfig.Tmpfs[${JSON.stringify(destination)}]`),
  }));
}
