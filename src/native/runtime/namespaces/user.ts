import type { IdMapping, Linux } from '#common/runtime-spec/types.ts';
import { readTextIfAny, writeFile } from '#sys/files.ts';

/** Gives a new user namespace mappings where the configuration has none: those that crun would give it. */
export function completeMappings(linux: Linux): void {
  if (linux.uidMappings?.length) return;
  linux.uidMappings = defaultMappings(readTextIfAny('/etc/subuid') ?? '');
  linux.gidMappings = defaultMappings(readTextIfAny('/etc/subgid') ?? '');
}

/** Root of the namespace is the runtime's user; above it come the ids that subuid(5) leaves to that user. */
export function defaultMappings(subordinate: string): IdMapping[] {
  const own = { containerID: 0, hostID: 0, size: 1 };
  const [, hostID, size] = /^(?:root|0):(\d+):(\d+)$/m.exec(subordinate) ?? [];
  return size === undefined ? [own] : [own, { containerID: 1, hostID: Number(hostID), size: Number(size) }];
}

/** Maps the ids of a process's new user namespace. user_namespaces(7), "User and group ID mappings". */
export function writeIdMappings(
  pid: number,
  uidMappings: readonly IdMapping[],
  gidMappings: readonly IdMapping[],
): void {
  writeFile(`/proc/${pid}/uid_map`, mappingText(uidMappings));
  writeFile(`/proc/${pid}/gid_map`, mappingText(gidMappings));
}

function mappingText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}
