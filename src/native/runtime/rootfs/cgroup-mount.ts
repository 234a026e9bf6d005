import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { makeDirectory } from '#sys/files.ts';
import { attachMount, cloneMount, createMount, setMountAttributes } from '#sys/mounts.ts';
import { openInRoot } from '#sys/paths.ts';
import { O_DIRECTORY, O_PATH, symlinkat } from '#sys/raw/file.ts';
import { MOUNT_ATTR_RDONLY } from '#sys/raw/mount.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import type { MountPlan } from './mount-options.ts';

/**
 * Shows the container its own cgroup and nothing above it. The directories are bound from the host's hierarchies: the
 * same view as a new mount in a cgroup namespace, for a fraction of its price. cgroup_namespaces(7).
 */
export function mountCgroups(target: OwnedFd, plan: MountPlan, cgroup: CgroupRecord): void {
  const attributes = plan.set;
  if (cgroup.version === 2) {
    attachOwn(cgroup.directories['unified'] as string, target, plan.destination, attributes);
    return;
  }
  using base = createMount({
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['mode=755'],
    attributes: attributes & ~MOUNT_ATTR_RDONLY,
  });
  attachMount(base, target, plan.destination);
  for (const [controller, directory] of Object.entries(cgroup.directories)) {
    const name = controller.replace(/^name=/, '');
    makeDirectory(name, 0o755, base.number);
    using place = openInRoot(base.number, name, O_PATH | O_DIRECTORY);
    attachOwn(directory, place, `${plan.destination}/${name}`, attributes);
    // Controllers mounted together are known by each of their names too: `cpu,cpuacct` as `cpu` and `cpuacct`.
    if (name.includes(','))
      for (const part of name.split(',')) check(symlinkat(name, base.number, part), 'symlinkat', part);
  }
  setMountAttributes(base.number, { set: attributes & MOUNT_ATTR_RDONLY }, { object: plan.destination });
}

function attachOwn(directory: string, target: OwnedFd, object: string, attributes: number): void {
  using own = cloneMount(directory);
  setMountAttributes(own.number, { set: attributes, clear: attributes & 0x70 ? 0x70 : 0 }, { object });
  attachMount(own, target, object);
}
