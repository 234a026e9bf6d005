import { processesOf } from '#runtime/cgroups/index.ts';
import type { CgroupRecord } from '#runtime/cgroups/record.ts';
import { getpid } from '#sys/raw/process.ts';

/**
 * A container's cgroups, without those that hold this process too: a runtime may leave its containers in some that they
 * share with their keepers.
 */
export function withoutOwn(record: CgroupRecord): CgroupRecord {
  const directories: Record<string, string> = {};
  for (const [name, directory] of Object.entries(record.directories)) {
    const members = processesOf({ ...record, directories: { [name]: directory } });
    if (!members.includes(getpid())) directories[name] = directory;
  }
  return { ...record, directories };
}
