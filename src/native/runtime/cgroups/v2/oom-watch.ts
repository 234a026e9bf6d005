import { textOf } from '#sys/bytes.ts';
import { ENOENT } from '#sys/errno.ts';
import { uninterrupted } from '#sys/errors.ts';
import { owned } from '#sys/fd.ts';
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, openat, pread64 } from '#sys/raw/file.ts';
import type { OomWatch } from '../oom-watch.ts';

/**
 * Documentation/admin-guide/cgroup-v2.rst, "memory.events": a change of the file is an urgent event of its descriptor. A
 * user may have many containers and, by default, 128 instances of inotify(7).
 */
export function watchOom(directory: string): OomWatch | undefined {
  const file = `${directory}/memory.events`;
  const opened = openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
  if (opened === -ENOENT) return undefined;
  const fd = owned(opened, 'openat', file);
  const buffer = new Uint8Array(1024);
  // Reading is also what takes the event.
  const kills = () => {
    const length = uninterrupted(() => pread64(fd.number, buffer, buffer.length, 0));
    return length < 0 ? undefined : Number(/^oom_kill (\d+)$/m.exec(textOf(buffer, length))?.[1] ?? 0);
  };
  let known = kills() ?? 0;
  return {
    fd,
    event: 'urgent',
    take() {
      const before = known;
      known = kills() ?? before;
      return known > before;
    },
    [Symbol.dispose]() {
      fd.close();
    },
  };
}
