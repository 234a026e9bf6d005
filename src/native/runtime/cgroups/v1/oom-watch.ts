import { check, uninterrupted } from '#sys/errors.ts';
import { openEventCounter } from '#sys/fd.ts';
import { exists, openFile, writeFile } from '#sys/files.ts';
import { read } from '#sys/raw/file.ts';
import type { OomWatch } from '../oom-watch.ts';

/** Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control". */
export function watchOom(directory: string): OomWatch {
  const fd = openEventCounter();
  using control = openFile(`${directory}/memory.oom_control`);
  writeFile(`${directory}/cgroup.event_control`, `${fd.number} ${control.number}`);
  const count = new Uint8Array(8);
  return {
    fd,
    event: 'readable',
    take() {
      check(
        uninterrupted(() => read(fd.number, count, count.length)),
        'read',
        'eventfd',
      );
      // The end of the cgroup counts as an event too.
      return exists(`${directory}/memory.oom_control`);
    },
    [Symbol.dispose]() {
      fd.close();
    },
  };
}
