import { stringifyJson } from '#common/json/stringify.ts';
import { lazy } from '#common/lazy.ts';
import type { Parsed } from '#native/options.ts';
import { writeAll } from '#sys/files.ts';
import { namespaceTypes } from '#sys/namespaces.ts';
import { loadBundle } from './bundle.ts';
import { locateCgroup } from './cgroups/index.ts';
import { onlyArgument } from './commands/create.ts';
import type { Context } from './context.ts';
import { planNamespaces } from './namespaces/plan.ts';
import type * as user from './namespaces/user.ts';
import { defaultDevices } from './rootfs/devices.ts';
import { planMount } from './rootfs/mount-options.ts';
import { compileFilter } from './seccomp/index.ts';

/** `run --dry-run`: what a start would make, in its order, as JSON. Nothing is touched but the bundle, which is read. */
export function printPlan(context: Context, parsed: Parsed): number {
  const id = onlyArgument(parsed, 'container ID');
  const { config, path } = loadBundle(parsed.values['bundle'], parsed.values['config'], context.warn);
  const { linux = {}, process, root } = config;
  const namespaces = planNamespaces(config);
  if (namespaces.createsUser) lazy<typeof user>('user-namespace')().completeMappings(linux);
  const filter = linux.seccomp && compileFilter(linux.seccomp, MACHINE);
  const plan = {
    record: `${context.root}/${id}`,
    cgroup: locateCgroup(id, linux.cgroupsPath, linux.resources),
    resources: linux.resources,
    rootfs: root.path.startsWith('/') ? root.path : `${path}/${root.path}`,
    namespaces: {
      created: (linux.namespaces ?? []).filter((entry) => !entry.path).map(({ type }) => type),
      cloneFlags: flagNames(namespaces.cloneFlags),
      joined: (linux.namespaces ?? []).filter((entry) => entry.path),
    },
    idMappings: { uid: linux.uidMappings, gid: linux.gidMappings },
    mounts: (config.mounts ?? []).map(planMount),
    devices: [...defaultDevices, ...(linux.devices ?? [])].map(({ path: device }) => device),
    hooks: config.hooks,
    sysctl: linux.sysctl,
    readonlyPaths: linux.readonlyPaths,
    maskedPaths: linux.maskedPaths,
    readonlyRoot: root.readonly ?? false,
    enter: parsed.flags.has('no-pivot') ? 'chroot' : 'pivot_root',
    seccomp: filter && { instructions: filter.length, flags: filter.flags },
    process,
  };
  writeAll(1, `${stringifyJson(plan, '  ')}\n`);
  return 0;
}

function flagNames(flags: number): string[] {
  return Object.entries(namespaceTypes)
    .filter(([, { flag }]) => flags & flag)
    .map(([type]) => type);
}
