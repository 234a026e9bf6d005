import type { Loop } from '#loop/loop.ts';
import { watchOom } from '#runtime/cgroups/oom-watch.ts';
import type { CgroupRecord } from '#runtime/cgroups/record.ts';

/** Calls `ranOut` each time that processes of the cgroup run out of memory, until disposed. */
export function watchMemory(loop: Loop, cgroup: CgroupRecord, ranOut: () => void): Disposable | undefined {
  const oom = watchOom(cgroup);
  if (!oom) return undefined;
  const watch = loop.watch(oom.fd.number, oom.event, () => {
    if (oom.take()) ranOut();
  });
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      oom[Symbol.dispose]();
    },
  };
}
