import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { makeDirectory, removeDirectory } from '#sys/files.ts';
import { attachMount, bindMountIfAny, cloneMount, createMount, setMountAttributes } from '#sys/mounts.ts';
import { symlinkat } from '#sys/raw/file.ts';
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
  using base = createMount({ type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] });
  attachMount(base, target, plan.destination);
  for (const [controller, directory] of Object.entries(cgroup.directories)) {
    const name = controller.replace(/^name=/, '');
    // The file system is new and ours alone: names in it can be trusted.
    makeDirectory(name, 0o755, base.number);
    if (!bindMountIfAny(directory, base, name)) {
      // The kernel knows the controller, but it is mounted nowhere here.
      removeDirectory(name, base.number);
      continue;
    }
    // Controllers mounted together are known by each of their names too: `cpu,cpuacct` as `cpu` and `cpuacct`.
    if (name.includes(',')) {
      for (const part of name.split(',')) check(symlinkat(name, base.number, part), 'symlinkat', part);
    }
  }
  setMountAttributes(
    base.number,
    { set: attributes, clear: attributes & 0x70 ? 0x70 : 0 },
    { recursive: true, object: plan.destination },
  );
}

function attachOwn(directory: string, target: OwnedFd, object: string, attributes: number): void {
  using own = cloneMount(directory);
  setMountAttributes(own.number, { set: attributes, clear: attributes & 0x70 ? 0x70 : 0 }, { object });
  attachMount(own, target, object);
}
