import { lazy } from '#common/lazy.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { type CgroupRecord, directoryOf } from './record.ts';
import type * as v1 from './v1/oom-watch.ts';
import type * as v2 from './v2/oom-watch.ts';

const v1Part = lazy<typeof v1>('cgroups-v1-oom');
const v2Part = lazy<typeof v2>('cgroups-v2-oom');

/** Tells when processes of a container run out of memory. */
export interface OomWatch extends Disposable {
  fd: OwnedFd;
  /** When there is news the descriptor is readable, or has an urgent event: poll(2), POLLPRI. */
  event: 'readable' | 'urgent';
  /** Takes the news: whether memory did run out. May block without any. */
  take(): boolean;
}

/** Undefined where there is no memory controller. */
export function watchOom(record: CgroupRecord): OomWatch | undefined {
  const directory = directoryOf(record, 'memory');
  if (directory === undefined) return undefined;
  return record.version === 2 ? v2Part().watchOom(directory) : v1Part().watchOom(directory);
}
