import type { IdMapping, Mount } from '#common/runtime-spec/types.ts';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '#sys/raw/mount.ts';

/** A mount of the configuration, its options sorted by who acts on them. */
export interface MountPlan {
  destination: string;
  type: string;
  source: string | undefined;
  /** A copy of an existing mount; `recursive` with the mounts below it. */
  bind: boolean;
  recursive: boolean;
  /** What of the source is mounted: `X-mount.subdir` of mount(8), here of a bind mount. */
  subdirectory: string | undefined;
  /** MOUNT_ATTR_ bits for this mount, and for it with all mounts below. */
  set: number;
  clear: number;
  recursiveSet: number;
  recursiveClear: number;
  /** MS_ propagation types, each with MS_REC where it holds for all mounts below, in the order given. */
  propagation: number[];
  /** What the file system itself is told. */
  data: string[];
  copyUp: boolean;
  /** A source that is a symbolic link is not followed but copied; `linkTarget` is where such a one leads. */
  copySymlink: boolean;
  linkTarget: string | undefined;
  /** Ids are mapped: by the mount's own mappings, or where it has none by those of the container. */
  idMapped:
    | { recursive: boolean; uidMappings: IdMapping[] | undefined; gidMappings: IdMapping[] | undefined }
    | undefined;
}

/** Option to attribute bits set and cleared. With `r` in front, each holds for all mounts below too. mount_setattr(2). */
const attributes: Record<string, readonly [set: number, clear: number]> = {
  ro: [MOUNT_ATTR_RDONLY, 0],
  rw: [0, MOUNT_ATTR_RDONLY],
  nosuid: [MOUNT_ATTR_NOSUID, 0],
  suid: [0, MOUNT_ATTR_NOSUID],
  nodev: [MOUNT_ATTR_NODEV, 0],
  dev: [0, MOUNT_ATTR_NODEV],
  noexec: [MOUNT_ATTR_NOEXEC, 0],
  exec: [0, MOUNT_ATTR_NOEXEC],
  noatime: [MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME],
  atime: [0, MOUNT_ATTR__ATIME],
  strictatime: [MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME],
  nostrictatime: [0, MOUNT_ATTR__ATIME],
  relatime: [0, MOUNT_ATTR__ATIME],
  norelatime: [0, MOUNT_ATTR__ATIME],
  nodiratime: [MOUNT_ATTR_NODIRATIME, 0],
  diratime: [0, MOUNT_ATTR_NODIRATIME],
  nosymfollow: [MOUNT_ATTR_NOSYMFOLLOW, 0],
  symfollow: [0, MOUNT_ATTR_NOSYMFOLLOW],
};

const propagationTypes: Record<string, number> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** The MS_ flags of `rshared`, `private` …; undefined for other words. */
export function propagationFlags(word: string): number | undefined {
  if (Object.hasOwn(propagationTypes, word)) return propagationTypes[word];
  if (word[0] === 'r' && Object.hasOwn(propagationTypes, word.slice(1)))
    return (propagationTypes[word.slice(1)] as number) | MS_REC;
  return undefined;
}

export const SUBDIRECTORY = 'X-mount.subdir=';

/** Options that mount(8) knows and that leave nothing to do with the new mount API. */
const withoutEffect = new Set([
  'defaults',
  'async',
  'nomand',
  'nolazytime',
  'loud',
  'silent',
  'noiversion',
  'mand',
  'iversion',
  'remount',
]);

/** What other file systems are told. A tmpfs has access lists wherever the kernel does, and no word for it. */
const aclOptions = new Set(['acl', 'noacl']);

/** Sorts the options of a mount: config.md, "Linux mount options". What nobody knows goes to the file system. */
export function planMount(mount: Mount): MountPlan {
  const plan: MountPlan = {
    destination: mount.destination,
    type: mount.type ?? 'none',
    source: mount.source,
    bind: mount.type === 'bind',
    recursive: false,
    subdirectory: undefined,
    set: 0,
    clear: 0,
    recursiveSet: 0,
    recursiveClear: 0,
    propagation: [],
    data: [],
    copyUp: false,
    copySymlink: false,
    linkTarget: undefined,
    idMapped: undefined,
  };
  for (const option of mount.options ?? []) applyOption(plan, option, mount);
  if (mount.uidMappings && mount.gidMappings && !plan.idMapped) {
    plan.idMapped = { recursive: false, uidMappings: mount.uidMappings, gidMappings: mount.gidMappings };
  }
  return plan;
}

function applyOption(plan: MountPlan, option: string, mount: Mount): void {
  const own = Object.hasOwn(attributes, option) ? attributes[option] : undefined;
  if (own) {
    plan.set = (plan.set & ~own[1]) | own[0];
    plan.clear = (plan.clear & ~own[0]) | own[1];
    return;
  }
  const propagation = propagationFlags(option);
  if (propagation !== undefined) {
    plan.propagation.push(propagation);
    return;
  }
  const below =
    option[0] === 'r' && Object.hasOwn(attributes, option.slice(1)) ? attributes[option.slice(1)] : undefined;
  if (below) {
    plan.recursiveSet = (plan.recursiveSet & ~below[1]) | below[0];
    plan.recursiveClear = (plan.recursiveClear & ~below[0]) | below[1];
    return;
  }
  if (option === 'bind' || option === 'rbind') {
    plan.bind = true;
    plan.recursive ||= option === 'rbind';
  } else if (option.startsWith(SUBDIRECTORY) && plan.bind) {
    plan.subdirectory = option.slice(SUBDIRECTORY.length);
  } else if (option === 'tmpcopyup') {
    plan.copyUp = true;
  } else if (option === 'copy-symlink') {
    plan.copySymlink = true;
  } else if (option === 'idmap' || option === 'ridmap') {
    plan.idMapped = { recursive: option === 'ridmap', uidMappings: mount.uidMappings, gidMappings: mount.gidMappings };
  } else if (!withoutEffect.has(option) && !(mount.type === 'tmpfs' && aclOptions.has(option))) {
    plan.data.push(option);
  }
}
