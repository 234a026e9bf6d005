// What the fields of config.json ask of each other.
import { Fault, segment } from '../check/check.ts';
import type { Config, Linux, Namespace, NamespaceType } from './types.ts';

type Namespaces = Partial<Record<NamespaceType, Namespace>>;

/** The name of a kernel parameter, and what such a one is called. */
export const parameterName = [/^[^./\0]+([./][^./\0]+)+$/, 'a parameter such as "net.ipv4.ip_forward"'] as const;

/** The first rule that `config`, whose fields are right each by itself, breaks. */
export function brokenRule(config: Config): Fault | undefined {
  const { ociVersion, hostname, domainname, linux } = config;
  if (!ociVersion.startsWith('1.')) {
    return new Fault('ociVersion', `expected a version from 1.0.0 and below 2, got "${ociVersion}"`, {
      kind: 'unsupported',
    });
  }
  const found: Namespaces = {};
  for (const [index, namespace] of linux?.namespaces?.entries() ?? []) {
    if (found[namespace.type] !== undefined) {
      return new Fault(`linux.namespaces[${index}].type`, `"${namespace.type}" is there twice`);
    }
    found[namespace.type] = namespace;
  }
  if (hostname !== undefined && !found.uts) return needs('hostname', 'uts');
  if (domainname !== undefined && !found.uts) return needs('domainname', 'uts');
  if (!found.mount) {
    const field = needingMounts(config);
    if (field !== undefined) return needs(field, 'mount');
  }
  return linux && (brokenInLinux(linux, found) ?? brokenMappings(linux, found));
}

/** The first field that could only be had by mounting, or by making files, where the host would find them. */
function needingMounts({ mounts, root, process, linux }: Config): string | undefined {
  if (mounts?.length) return 'mounts';
  if (root?.readonly) return 'root.readonly';
  if (process?.terminal) return 'process.terminal';
  if (linux?.rootfsPropagation) return 'linux.rootfsPropagation';
  const lists = ['devices', 'maskedPaths', 'readonlyPaths'] as const;
  const name = lists.find((list) => linux?.[list]?.length);
  return name && `linux.${name}`;
}

function brokenInLinux(linux: Linux, found: Namespaces): Fault | undefined {
  if (linux.timeOffsets && Object.keys(linux.timeOffsets).length > 0) {
    if (!found.time) return needs('linux.timeOffsets', 'time');
    // They are settled when the first process enters it: time_namespaces(7).
    if (found.time.path) return new Fault('linux.timeOffsets', 'cannot be set in a namespace that is joined');
  }
  for (const name in linux.sysctl) {
    const problem = sysctlProblem(name, found);
    if (problem !== undefined) return new Fault(`linux.sysctl${segment(name)}`, problem);
  }
  return undefined;
}

function brokenMappings({ uidMappings, gidMappings, namespaces = [] }: Linux, { user }: Namespaces): Fault | undefined {
  if (!user) {
    if (uidMappings?.length) return needs('linux.uidMappings', 'user');
    if (gidMappings?.length) return needs('linux.gidMappings', 'user');
  } else if (!user.path && !uidMappings?.length !== !gidMappings?.length) {
    // Without both, the runtime has mappings of its own for it.
    const absent = uidMappings?.length ? 'linux.gidMappings' : 'linux.uidMappings';
    return new Fault(
      absent,
      `missing: the user namespace at linux.namespaces[${namespaces.indexOf(user)}] is a new one`,
    );
  }
  return undefined;
}

/** Only what a namespace of the container's own holds may be set, as in runc. */
export function sysctlProblem(name: string, found: Namespaces): string | undefined {
  const dotted = dottedName(name);
  const type = sysctlNamespace(dotted);
  if (dotted === 'kernel.hostname') return 'not allowed, set "hostname" instead';
  if (type === undefined) return 'not allowed, since it belongs to the host';
  return found[type] ? undefined : `needs a namespace of type "${type}"`;
}

function sysctlNamespace(name: string): NamespaceType | undefined {
  if (name.startsWith('net.')) return 'network';
  if (name.startsWith('user.')) return 'user';
  if (name === 'kernel.domainname') return 'uts';
  const ipc = /^(kernel\.(msg(max|mnb|mni)|sem|shm(all|max|mni|_rmid_forced))$|fs\.mqueue\.)/;
  return ipc.test(name) ? 'ipc' : undefined;
}

/**
 * The name of a kernel parameter with dots between its parts. Where slashes come first, dots belong to the parts, and
 * become slashes: `net/ipv4/conf/eno2.100/forwarding` is `net.ipv4.conf.eno2/100.forwarding`. sysctl.d(5).
 */
export function dottedName(name: string): string {
  const first = name.search(/[./]/);
  if (first < 0 || name[first] === '.') return name;
  return name.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
}

function needs(path: string, type: NamespaceType): Fault {
  return new Fault(path, `needs a namespace of type "${type}" in linux.namespaces`);
}
