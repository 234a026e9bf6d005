import type { Status } from '#common/runtime-spec/types.ts';
import { exists } from '#sys/files.ts';
import { processFacts } from '#sys/processes.ts';
import { isFrozen } from '../cgroups/freezer.ts';
import { type ContainerRecord, START_SOCKET } from './store.ts';

/** Whether the recorded process is still the same one and has not ended. */
export function isAlive(record: ContainerRecord): boolean {
  if (record.pid === undefined) return false;
  const facts = processFacts(record.pid);
  if (facts === undefined || facts.startTime !== record.startTime) return false;
  return facts.state !== 'Z' && facts.state !== 'X';
}

/** What the container does now; found out from the kernel, never from what was once written. */
export function statusOf(root: string, record: ContainerRecord | undefined): Status {
  if (record === undefined || (record.phase === 'creating' && record.pid === undefined)) return 'creating';
  if (!isAlive(record)) return 'stopped';
  if (record.phase === 'creating') return 'creating';
  if (isFrozen(record.cgroup)) return 'paused';
  return exists(`${root}/${record.id}/${START_SOCKET}`) ? 'created' : 'running';
}
