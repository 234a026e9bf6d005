import { exists } from '#sys/files.ts';

/** Where the hierarchies are mounted. */
export const ROOT = '/sys/fs/cgroup';

/** Whether version 2 is the only one here. */
export function isVersion2(): boolean {
  return exists(`${ROOT}/cgroup.controllers`);
}

/** Where a container's control groups are; kept in its record, so that any later command finds them. */
export interface CgroupRecord {
  version: 1 | 2;
  /** The path below each hierarchy's root, such as `/docker/4f…`. */
  path: string;
  /** Version 1: the directory in each mounted controller, by controller; version 2: one, called `unified`. */
  directories: Record<string, string>;
}

/** The container's directory in a controller, also of one that is mounted together with others: `cpu,cpuacct`. */
export function directoryOf({ version, directories }: CgroupRecord, controller: string): string | undefined {
  if (version === 2) return directories['unified'];
  const own = directories[controller];
  if (own !== undefined) return own;
  const shared = Object.keys(directories).find((name) => name.split(',').includes(controller));
  return shared === undefined ? undefined : directories[shared];
}
