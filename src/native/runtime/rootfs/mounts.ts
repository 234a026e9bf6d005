import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { ELOOP, EPERM } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { attachMount, createMount, mountFileSystem, type NewFileSystem, setMountAttributes } from '#sys/mounts.ts';
import { isDirectory, makeInRoot, openInRoot, openInRootIfAny } from '#sys/paths.ts';
import { O_DIRECTORY, O_PATH, RESOLVE_NO_SYMLINKS } from '#sys/raw/file.ts';
import { MOUNT_ATTR_RDONLY, MS_REC } from '#sys/raw/mount.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import { mountCgroups } from './cgroup-mount.ts';
import type * as copySymlink from './copy-symlink.ts';
import type * as copyUp from './copy-up.ts';
import type * as hostSysfs from './host-sysfs.ts';
import type { MountPlan } from './mount-options.ts';

const copyUpPart = lazy<typeof copyUp>('copy-up');

export interface MountContext {
  config: Config;
  cgroup: CgroupRecord;
  /** Called before the first mount that shows the container's cgroups: they exist afterwards. */
  enterCgroups(): void;
}

/** Performs the mounts of the configuration, in order, on a root filesystem that may be hostile. */
export function mountAll(
  root: OwnedFd,
  mounts: readonly { plan: MountPlan; tree: OwnedFd | undefined }[],
  context: MountContext,
): void {
  for (const { plan, tree } of mounts) {
    step(`mount "${plan.destination}"`, () => mountOne(root, plan, tree, context));
  }
}

function mountOne(root: OwnedFd, plan: MountPlan, tree: OwnedFd | undefined, context: MountContext): void {
  if (tree) {
    // An id-mapped mount or one from another user namespace may not be readable to us: ask the handle, not the path.
    using target = openTarget(root, plan, isDirectory(tree) ? 'directory' : 'file');
    attachMount(tree, target, plan.destination);
    applyAttributes(tree, plan, plan.set);
    return;
  }
  if (plan.linkTarget !== undefined) {
    lazy<typeof copySymlink>('copy-symlink')().makeLink(root, plan.destination, plan.linkTarget);
    return;
  }
  if (plan.type === 'cgroup' || plan.type === 'cgroup2') {
    context.enterCgroups();
    using target = openTarget(root, plan, 'directory');
    mountCgroups(target, plan, context.cgroup);
    return;
  }
  const options = labelled(plan, context.config);
  if (plan.type === 'tmpfs' && !options.some((option) => option.startsWith('mode=')))
    options.push(...copyUpPart().coveredMode(root, plan.destination));
  using target = openTarget(root, plan, 'directory');
  try {
    mountNew(target, plan, options);
  } catch (error) {
    if (plan.type !== 'sysfs' || !isErrno(error, EPERM)) throw error;
    lazy<typeof hostSysfs>('host-sysfs')().bindHostSysfs(target, plan, context.config, error);
  }
}

function mountNew(target: OwnedFd, plan: MountPlan, options: readonly string[]): void {
  const system: NewFileSystem = {
    type: plan.type,
    source: plan.source ?? plan.type,
    options,
    // What still has to be filled is made read-only afterwards: the device directory, and copies of the image's files.
    attributes: fillsLater(plan) ? plan.set & ~MOUNT_ATTR_RDONLY : plan.set,
  };
  if (!plan.copyUp && !plan.recursiveSet && !plan.recursiveClear && plan.propagation.length === 0) {
    mountFileSystem(target, system, plan.destination);
    return;
  }
  using made = createMount(system);
  if (plan.copyUp) copyUpPart().copyTree(target, made);
  attachMount(made, target, plan.destination);
  const late = plan.copyUp && !isDeviceDirectory(plan) ? plan.set & MOUNT_ATTR_RDONLY : 0;
  applyAttributes(made, plan, late);
}

function fillsLater(plan: MountPlan): boolean {
  return plan.copyUp || isDeviceDirectory(plan);
}

/** Where the container's device files go. */
export function isDeviceDirectory({ destination }: MountPlan): boolean {
  return /^\/*dev\/*$/.test(destination);
}

/** After the device files are made, /dev becomes as read-only as the configuration wants it. */
export function finishDeviceDirectory(root: OwnedFd, mounts: readonly { plan: MountPlan }[]): void {
  const plan = mounts.findLast(({ plan }) => isDeviceDirectory(plan))?.plan;
  if (!plan || plan.bind || !(plan.set & MOUNT_ATTR_RDONLY)) return;
  using dev = openInRoot(root.number, '/dev', O_PATH | O_DIRECTORY);
  setMountAttributes(dev.number, { set: MOUNT_ATTR_RDONLY }, { object: '/dev' });
}

function applyAttributes(mount: OwnedFd, plan: MountPlan, set: number): void {
  const object = plan.destination;
  // A cleared flag of a new mount is clear already; one of a copy may be locked, and then refusing is right.
  setMountAttributes(mount.number, { set, clear: plan.bind ? plan.clear | atimeMask(set) : 0 }, { object });
  setMountAttributes(
    mount.number,
    { set: plan.recursiveSet, clear: plan.recursiveClear | atimeMask(plan.recursiveSet) },
    { recursive: true, object },
  );
  for (const flags of plan.propagation) {
    setMountAttributes(mount.number, { propagation: flags & ~MS_REC }, { recursive: (flags & MS_REC) !== 0, object });
  }
}

/** mount_setattr(2): whoever sets an access-time mode must clear the field as a whole. */
function atimeMask(set: number): number {
  return set & 0x70 ? 0x70 : 0;
}

/**
 * The file or directory to mount on, made if missing. Kernel interfaces are mounted on plain directories only: a link
 * in their way would redirect what is later read from and written to them (CVE-2019-16884, CVE-2019-19921).
 */
function openTarget(root: OwnedFd, plan: MountPlan, kind: 'directory' | 'file'): OwnedFd {
  const { destination, type } = plan;
  refuseInsideProc(plan);
  if (type !== 'proc' && type !== 'sysfs') return makeInRoot(root.number, destination, kind);
  const flags = O_PATH | O_DIRECTORY;
  try {
    const present = openInRootIfAny(root.number, destination, flags, RESOLVE_NO_SYMLINKS);
    if (present) return present;
    makeInRoot(root.number, destination, kind).close();
    return openInRoot(root.number, destination, flags, RESOLVE_NO_SYMLINKS);
  } catch (cause) {
    if (!isErrno(cause, ELOOP)) throw cause;
    throw new ProaError(
      `"${destination}" must be mounted on an ordinary directory, and a symbolic link is in the way`,
      {
        kind: 'denied',
        cause,
      },
    );
  }
}

/** Files of /proc that may be covered, as file systems such as lxcfs do. */
const coverable =
  /^\/proc\/(cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|net\/dev|sys\/kernel\/ns_last_pid|sys\/crypto\/fips_enabled)$/;

/** A mount over other files of /proc would let the image decide what the runtime and tools read there. */
function refuseInsideProc({ destination, type, source, bind }: MountPlan): void {
  const clean = `/${destination
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  if (clean !== '/proc' && !clean.startsWith('/proc/')) return;
  if (clean === '/proc' && (type === 'proc' || (bind && source === '/proc'))) return;
  if (clean !== '/proc' && coverable.test(clean)) return;
  if (clean !== '/proc' && bind && source?.startsWith('/proc/')) return;
  throw new ProaError(`"${destination}" cannot be mounted: it is inside /proc`, {
    kind: 'denied',
    remedy: 'Mount a proc file system on /proc, or choose another destination',
  });
}

function labelled(plan: MountPlan, config: Config): string[] {
  const label = config.linux?.mountLabel;
  if (!label || plan.type === 'proc' || plan.type === 'sysfs') return [...plan.data];
  return [...plan.data, `context=${label}`];
}
