import { ProaError } from '#common/errors.ts';
import { readTextIfAny } from '#sys/files.ts';
import { type ExitReason, SIGKILL } from '#sys/processes.ts';
import { SIGSYS, signalName } from '#sys/signals.ts';
import type { CgroupRecord } from './record.ts';

/** How many processes of the container the kernel killed for lack of memory. */
export function oomKills({ version, directories }: CgroupRecord): number {
  const text =
    version === 2
      ? readTextIfAny(`${directories['unified']}/memory.events`)
      : readTextIfAny(`${directories['memory']}/memory.oom_control`);
  return Number(/oom_kill (\d+)/.exec(text ?? '')?.[1] ?? 0);
}

/** Whether the container has wanted more memory than it may have. Without any, a process cannot even say so. */
function hasMissedMemory({ version, directories }: CgroupRecord): boolean {
  const text =
    version === 2
      ? /^max (\d+)/m.exec(readTextIfAny(`${directories['unified']}/memory.events`) ?? '')?.[1]
      : readTextIfAny(`${directories['memory']}/memory.failcnt`);
  return Number(text ?? 0) > 0;
}

/** What ended a container's process before it could say anything; `reason` where that is known. */
export function explainDeath(reason: ExitReason | undefined, cgroup: CgroupRecord): ProaError {
  const killed = reason === undefined || reason.signal === SIGKILL;
  if (killed ? oomKills(cgroup) > 0 : reason.signal === undefined && hasMissedMemory(cgroup)) {
    const how = killed ? 'was killed' : 'ended';
    return new ProaError(`the container process ${how}: the memory limit is too low for it to start`, {
      kind: 'exhausted',
      remedy: 'Raise linux.resources.memory.limit',
    });
  }
  if (!reason) return new ProaError('the container process ended before its program ran', { kind: 'internal' });
  const how =
    reason.signal === undefined ? `ended with status ${reason.code}` : `was killed by ${signalName(reason.signal)}`;
  const remedy =
    reason.signal === SIGSYS ? 'The seccomp profile kills a call that a start needs: allow execve' : undefined;
  return new ProaError(`the container process ${how} before its program ran`, { kind: 'internal', remedy });
}

/** For whoever sees that a program was killed, and not by whom. It may have been so already within execve(2). */
export function tellOfMemory(cgroup: CgroupRecord, tell: (text: string) => void): void {
  if (oomKills(cgroup) > 0)
    tell('the container was killed for lack of memory: linux.resources.memory.limit is reached');
}
