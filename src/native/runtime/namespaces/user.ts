import type { IdMapping } from '#common/runtime-spec/types.ts';
import { writeFile } from '#sys/files.ts';

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
