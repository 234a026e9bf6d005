import { lazy } from '#common/lazy.ts';
import type { Config, Device, Linux } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory } from '#sys/files.ts';
import { cloneMount, setMountAttributes } from '#sys/mounts.ts';
import { MS_SHARED, MS_SLAVE } from '#sys/raw/mount.ts';
import type { NamespacePlan } from '../namespaces/plan.ts';
import type * as copySymlink from './copy-symlink.ts';
import { defaultDevices } from './devices.ts';
import type * as foundSources from './found-sources.ts';
import type * as idMapping from './id-mapping.ts';
import { type MountPlan, planMount, propagationFlags } from './mount-options.ts';
import type * as outside from './outside-devices.ts';

const copySymlinkPart = lazy<typeof copySymlink>('copy-symlink');
const foundPart = lazy<typeof foundSources>('found-sources');
const idMappingPart = lazy<typeof idMapping>('id-mapping');

/**
 * Everything of the host that the container will see, opened before anything of the container exists: as detached
 * copies of mounts. The user namespace may not reach the paths any more, and nobody can swap them meanwhile.
 */
export interface RootSources extends Disposable {
  root: OwnedFd;
  mounts: { plan: MountPlan; tree: OwnedFd | undefined }[];
  /** Device files from outside by path in the container, where making device files is not possible. */
  devices: Map<string, OwnedFd>;
  /** All that is open for these. */
  readonly opened: readonly OwnedFd[];
}

/** `rootMount`: a detached mount to take as root in place of a copy of what is at `rootfs`; it stays the caller's. */
export function openSources(
  config: Config,
  bundle: string,
  rootfs: string,
  { namespaces, rootMount }: { namespaces: NamespacePlan; rootMount: OwnedFd | undefined },
): RootSources {
  const opened: OwnedFd[] = [];
  const keep = (fd: OwnedFd): OwnedFd => {
    opened.push(fd);
    return fd;
  };
  const sources: RootSources = {
    root: undefined as never,
    mounts: [],
    devices: new Map(),
    opened,
    [Symbol.dispose]() {
      for (const fd of opened) fd.close();
    },
  };
  try {
    const shared = sharesWithHost(config);
    // Without a mount namespace it is used where it is: nothing is mounted.
    const openRoot = () => (namespaces.hasMount ? cloneMount(rootfs, { recursive: true }) : openDirectory(rootfs));
    sources.root = rootMount ?? keep(step('open the root filesystem', openRoot));
    if (!namespaces.hasMount) return sources;
    if (!shared)
      setMountAttributes(sources.root.number, { propagation: MS_SLAVE }, { recursive: true, object: rootfs });
    for (const mount of config.mounts ?? []) {
      const plan = planMount(mount);
      if (plan.copySymlink && plan.bind) plan.linkTarget = copySymlinkPart().readSource(plan, bundle);
      const mounts = plan.bind && plan.linkTarget === undefined;
      const tree = mounts
        ? keep(step(`open mount source "${plan.source}"`, () => openBind(plan, config, bundle, shared)))
        : undefined;
      sources.mounts.push({ plan, tree });
    }
    if (needsHostDevices(config)) {
      for (const device of defaultDevices) sources.devices.set(device.path, keep(openDevice(device)));
      const extra = config.linux?.devices?.filter(({ type }) => type !== 'p') ?? [];
      if (extra.length > 0) {
        const opened = lazy<typeof outside>('outside-devices')().openDevicesOutside(extra, config.linux as Linux);
        for (const [index, fd] of opened.entries()) sources.devices.set((extra[index] as Device).path, keep(fd));
      }
    }
    return sources;
  } catch (error) {
    sources[Symbol.dispose]();
    throw error;
  }
}

/** Whether mounts made in the container are to appear on the host: config-linux.md, "Rootfs Mount Propagation". */
export function sharesWithHost(config: Config): boolean {
  return ((propagationFlags(config.linux?.rootfsPropagation ?? '') ?? 0) & MS_SHARED) !== 0;
}

export function sourcePath({ source = '' }: MountPlan, bundle: string): string {
  return source.startsWith('/') ? source : `${bundle}/${source}`;
}

function openBind(plan: MountPlan, config: Config, bundle: string, shared: boolean): OwnedFd {
  const path = sourcePath(plan, bundle);
  const { recursive, subdirectory } = plan;
  const isFound = subdirectory !== undefined || path.startsWith('/proc/');
  const found = isFound ? foundPart().cloneFound({ source: path, subdirectory, recursive }) : undefined;
  const tree = found ?? cloneMount(path, { recursive });
  try {
    if (!shared && !plan.propagation.some((flags) => flags & MS_SHARED)) {
      // A copy belongs to its original's peer group: what the container mounts below it would appear on the host.
      setMountAttributes(tree.number, { propagation: MS_SLAVE }, { recursive: true, object: path });
    }
    if (plan.idMapped) idMappingPart().mapIds(tree, plan.idMapped, config, path);
    return tree;
  } catch (error) {
    tree.close();
    throw error;
  }
}

/** In a user namespace mknod(2) is forbidden: device files are bound from outside. */
function needsHostDevices(config: Config): boolean {
  return config.linux?.namespaces?.some(({ type }) => type === 'user') ?? false;
}

function openDevice(device: Device): OwnedFd {
  return step(`open host device "${device.path}"`, () => cloneMount(device.path));
}
