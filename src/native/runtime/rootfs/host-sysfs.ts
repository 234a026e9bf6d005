import { ProaError } from '#common/errors.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { attachMount, cloneMount, setMountAttributes } from '#sys/mounts.ts';
import { MOUNT_ATTR_RDONLY, MS_PRIVATE } from '#sys/raw/mount.ts';
import type { MountPlan } from './mount-options.ts';

/** Access times cannot be changed where the host has set them: mount_namespaces(7), "Restrictions on mount namespaces". */
const ATIME_BITS = 0xf0;

/**
 * The host's sysfs in place of a new one, which the kernel refused: only the owner of a network namespace may mount that.
 * For a container in a user namespace of its own that stays in the host's network it shows what a new one would, and as
 * much as there is on the host is below it: what is mounted there is locked, mount_namespaces(7). Elsewhere the refusal
 * stands.
 */
export function bindHostSysfs(target: OwnedFd, plan: MountPlan, config: Config, refusal: unknown): void {
  const has = (type: string) => config.linux?.namespaces?.some((namespace) => namespace.type === type);
  // A network namespace by path has other devices than those that the host's shows.
  if (!has('user') || has('network')) throw refusal;
  // Its files are host root's, and nobody else may write to them.
  const readOnly = ((plan.set | plan.recursiveSet) & MOUNT_ATTR_RDONLY) !== 0;
  if (!readOnly && mapsHostRoot(config)) {
    throw new ProaError(`the host’s sysfs at "${plan.destination}" could be written to`, {
      kind: 'denied',
      cause: refusal,
      remedy: 'Mount it read-only, map root to another user of the host, or give the container a network of its own',
    });
  }
  using tree = cloneMount('/sys', { recursive: true });
  const set = (plan.set | plan.recursiveSet) & ~ATIME_BITS;
  setMountAttributes(tree.number, { set, propagation: MS_PRIVATE }, { recursive: true, object: plan.destination });
  attachMount(tree, target, plan.destination);
}

function mapsHostRoot(config: Config): boolean {
  const mappings = config.linux?.uidMappings;
  return !mappings?.length || mappings.some(({ hostID }) => hostID === 0);
}
