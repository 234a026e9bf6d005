import { check, uninterrupted } from '#sys/errors.ts';
import { owned } from '#sys/fd.ts';
import { inotify_add_watch, inotify_init1, O_CLOEXEC, read } from '#sys/raw/file.ts';
import { readValue } from '../files.ts';
import type { OomWatch } from '../oom-watch.ts';

const IN_MODIFY = 2;

/** Documentation/admin-guide/cgroup-v2.rst, "memory.events": a change of the file is an event of inotify(7). */
export function watchOom(directory: string): OomWatch | undefined {
  const file = `${directory}/memory.events`;
  const kills = () => {
    const text = readValue(file);
    return text === undefined ? undefined : Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  let known = kills();
  if (known === undefined) return undefined;
  const fd = owned(inotify_init1(O_CLOEXEC), 'inotify_init1');
  check(inotify_add_watch(fd.number, file, IN_MODIFY), 'inotify_add_watch', file);
  const buffer = new Uint8Array(4096);
  return {
    fd,
    take() {
      check(
        uninterrupted(() => read(fd.number, buffer, buffer.length)),
        'read',
        'inotify',
      );
      const before = known ?? 0;
      known = kills() ?? before;
      return known > before;
    },
    [Symbol.dispose]() {
      fd.close();
    },
  };
}
