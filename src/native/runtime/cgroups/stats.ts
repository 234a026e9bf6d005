import { lazy } from '#common/lazy.ts';
import type { CgroupStats } from '#common/protocol/stats.ts';
import { ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { listDirectory, readText } from '#sys/files.ts';
import { type CgroupRecord, directoryOf } from './record.ts';
import type * as v1 from './v1/stats.ts';
import type * as v2 from './v2/stats.ts';

const v1Part = lazy<typeof v1>('cgroups-v1-stats');
const v2Part = lazy<typeof v2>('cgroups-v2-stats');

/** What the container uses now, and its limits. */
export function readStats(record: CgroupRecord): CgroupStats {
  const read = (file: string): string | undefined => {
    const directory = directoryOf(record, file.slice(0, file.indexOf('.')));
    if (directory === undefined) return undefined;
    try {
      return readText(`${directory}/${file}`);
    } catch (error) {
      // A file of the pressure of which is switched off is there, but says EOPNOTSUPP.
      if (isErrno(error, ENOENT, EOPNOTSUPP, ENODEV)) return undefined;
      throw error;
    }
  };
  const part = record.version === 2 ? v2Part() : v1Part();
  return part.statsOf(read, hugepageSizes());
}

const EOPNOTSUPP = 95;
const ENODEV = 19;

/** As they are called in cgroup files: `2MB`, `1GB`. */
function hugepageSizes(): string[] {
  try {
    return listDirectory('/sys/kernel/mm/hugepages').flatMap((name) => {
      const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
      return kilobytes > 0 ? [sizeName(kilobytes)] : [];
    });
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw error;
  }
}

function sizeName(kilobytes: number): string {
  if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
  return kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
}
