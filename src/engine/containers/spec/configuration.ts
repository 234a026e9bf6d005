import type { Config, User } from '#common/runtime-spec/types.ts';
import type { SnapshotRoot } from '../../images/layers/snapshots.ts';
import type { ContainerRecord } from '../record.ts';
import { containerCapabilities } from './capabilities.ts';
import { containerDevices } from './devices.ts';
import { containerMounts, type OwnFiles } from './mounts.ts';
import { containerNamespaces, joinedProcess, namespaceMode, type ProcessOf } from './namespaces.ts';
import { containerProcess } from './process.ts';
import { containerResources } from './resources.ts';
import { securitySettings } from './security.ts';
import { containerSysctls } from './sysctls.ts';

export interface ConfigurationContext {
  files: OwnFiles;
  root: SnapshotRoot;
  /** Mounted images, by where those are mounted. */
  images: ReadonlyMap<string, SnapshotRoot>;
  user: User;
  /** As the container sees it. */
  hostname: string;
  processOf: ProcessOf;
}

/** The OCI configuration that a container of the Docker API is run by. */
export function containerConfiguration(record: ContainerRecord, context: ConfigurationContext): Config {
  const { config, host } = record;
  const { root, files, images, user, hostname, processOf } = context;
  const capabilities = containerCapabilities(host);
  const security = securitySettings(host, capabilities);
  const namespaces = containerNamespaces(host, processOf);
  const created = (type: string) => namespaces.some((one) => one.type === type && one.path === undefined);
  const devices = containerDevices(host);
  const ipc = namespaceMode('IpcMode', host.IpcMode);
  return {
    ociVersion: '1.2.0',
    // Of an overlay, its mount takes the place of that path.
    root: { path: root.kind === 'directory' ? root.path : '/', ...(host.ReadonlyRootfs && { readonly: true }) },
    process: containerProcess(config, host, { user, hostname, capabilities, security }),
    ...(created('uts') && { hostname, ...(config.Domainname && { domainname: config.Domainname }) }),
    mounts: containerMounts({
      host,
      mounts: record.mounts,
      files,
      images,
      ipcProcess: ipc.kind === 'container' ? joinedProcess('IpcMode', ipc.name, processOf) : undefined,
    }),
    ...(host.Annotations && { annotations: host.Annotations }),
    linux: {
      namespaces,
      cgroupsPath: cgroupPath(record),
      resources: containerResources(host),
      ...(devices.length > 0 && { devices }),
      sysctl: containerSysctls(host, namespaces),
      ...(security.seccomp && { seccomp: security.seccomp }),
      maskedPaths: security.maskedPaths,
      readonlyPaths: security.readonlyPaths,
    },
  };
}

export function cgroupPath({ id, host }: Pick<ContainerRecord, 'id' | 'host'>): string {
  const parent = host.CgroupParent || '/proa';
  return `${parent.startsWith('/') ? parent : `/${parent}`}/${id}`;
}
