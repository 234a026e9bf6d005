import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { check, isErrno } from '#sys/errors.ts';
import { fileSystemType } from '#sys/file-status.ts';
import { openPath } from '#sys/files.ts';
import {
  attachMount,
  changeRoot,
  pivotIntoWorkingDirectory,
  setMountAttributes,
  setPropagation,
  unmount,
} from '#sys/mounts.ts';
import { chdir, fchdir } from '#sys/raw/file.ts';
import { MOUNT_ATTR_RDONLY, MS_REC, MS_SLAVE } from '#sys/raw/mount.ts';
import { makeDevices } from './devices.ts';
import { maskPaths, protectPaths } from './masks.ts';
import { propagationFlags } from './mount-options.ts';
import { finishDeviceDirectory, isDeviceDirectory, type MountContext, mountAll } from './mounts.ts';
import { type RootSources, sharesWithHost } from './sources.ts';

/** Builds the container's view of files on its root filesystem. The process is in its own mount namespace. */
export function buildRoot(sources: RootSources, context: MountContext): void {
  const { config } = context;
  const { root } = sources;
  step('keep mounts from reaching the host', () => {
    // systemd makes `/` shared, so our unmounts would reach the host. Slave still lets host mounts in but lets none of
    // ours out: mount_namespaces(7), "Shared subtrees".
    if (!sharesWithHost(config)) setPropagation('/', MS_SLAVE);
    using top = openPath('/');
    attachMount(root, top, '/');
    check(fchdir(root.number), 'fchdir', 'root filesystem');
  });
  mountAll(root, sources.mounts, context);
  if (!sources.mounts.some(({ plan }) => plan.bind && isDeviceDirectory(plan))) {
    step('make devices', () => makeDevices(root, config, sources.devices));
  }
}

/** Hides, protects and closes what buildRoot made: after this nothing of the root filesystem changes any more. */
export function sealRoot(sources: RootSources, config: Config): void {
  const { root } = sources;
  finishDeviceDirectory(root, sources.mounts);
  const { maskedPaths = [], readonlyPaths = [] } = config.linux ?? {};
  if (readonlyPaths.length > 0) step('protect read-only paths', () => protectPaths(root, readonlyPaths));
  if (maskedPaths.length > 0) {
    step('mask paths', () => maskPaths(root, maskedPaths));
  }
  if (config.root?.readonly) {
    step('make the root filesystem read-only', () =>
      setMountAttributes(root.number, { set: MOUNT_ATTR_RDONLY }, { object: '/' }),
    );
  }
}

/** How the root is entered: `chroot` is for hosts where pivot_root(2) is impossible, `shared` without a mount namespace. */
export type RootEntry = 'pivot' | 'chroot' | 'shared';

/** Makes the root the only one: the host's files are gone from here on. */
export function enterRoot({ root }: RootSources, config: Config, entry: RootEntry): void {
  step('hide the host filesystem', () => {
    if (entry === 'pivot') {
      pivotOrExplain();
      check(chdir('/'), 'chdir', '/');
      return;
    }
    // Without a mount namespace they are the host's own, and stay.
    if (entry === 'chroot') unmountKernelFileSystems();
    changeRoot(root);
  });
  const flags = propagationFlags(config.linux?.rootfsPropagation ?? '');
  if (flags !== undefined) setPropagation('/', flags & ~MS_REC, { recursive: (flags & MS_REC) !== 0 });
}

const EINVAL = 22;
const RAMFS_MAGIC = 0x858458f6;
const TMPFS_MAGIC = 0x01021994;

function pivotOrExplain(): void {
  try {
    pivotIntoWorkingDirectory();
  } catch (cause) {
    // pivot_root(2) answers a bare EINVAL here, so look for the usual reason only now.
    const fromMemory = isErrno(cause, EINVAL) && [RAMFS_MAGIC, TMPFS_MAGIC].includes(hostRootType());
    const remedy = fromMemory ? 'The host still runs from its initramfs: pass --no-pivot' : undefined;
    throw new ProaError('cannot enter the root filesystem', { kind: 'unsupported', remedy, cause });
  }
}

function hostRootType(): number {
  using top = openPath('/');
  return fileSystemType(top.number);
}

/** The host's go where chroot(2) alone hides the rest, since that is no wall. */
function unmountKernelFileSystems(): void {
  for (const path of ['/proc', '/sys']) {
    try {
      unmount(path);
    } catch (error) {
      if (!isErrno(error, EINVAL, 2, 1)) throw error;
    }
  }
}
