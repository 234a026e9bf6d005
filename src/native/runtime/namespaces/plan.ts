import type { Config } from '#common/runtime-spec/types.ts';
import { type NamespaceType, namespaceTypes } from '#sys/namespaces.ts';

/** How a container comes to its namespaces. */
export interface NamespacePlan {
  /** CLONE_NEW* flags of the namespaces that come into being with its process. */
  cloneFlags: number;
  /** Namespaces that exist, by the type's flag and the file that stands for them. */
  joined: { type: NamespaceType; path: string }[];
  /** The user namespace to join; the others are joined before it, while the host's rights hold. */
  userPath: string | undefined;
  createsUser: boolean;
  /** Made by the process itself, once it is in the cgroup that becomes its root. */
  createsCgroup: boolean;
  createsTime: boolean;
  hasMount: boolean;
}

export function planNamespaces(config: Config): NamespacePlan {
  const plan: NamespacePlan = {
    cloneFlags: 0,
    joined: [],
    userPath: undefined,
    createsUser: false,
    createsCgroup: false,
    createsTime: false,
    hasMount: false,
  };
  for (const { type, path } of config.linux?.namespaces ?? []) {
    if (type === 'mount') plan.hasMount = true;
    if (path) {
      if (type === 'user') plan.userPath = path;
      else plan.joined.push({ type, path });
    } else if (type === 'cgroup') plan.createsCgroup = true;
    else if (type === 'time') plan.createsTime = true;
    else {
      if (type === 'user') plan.createsUser = true;
      plan.cloneFlags |= namespaceTypes[type].flag;
    }
  }
  return plan;
}
