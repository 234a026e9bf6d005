/** Where a container's control groups are; kept in its record, so that any later command finds them. */
export interface CgroupRecord {
  version: 1 | 2;
  /** The path below each hierarchy's root, such as `/docker/4f…`. */
  path: string;
  /** Version 1: the directory in each mounted controller, by controller; version 2: one, called `unified`. */
  directories: Record<string, string>;
}
