import type { ContainerStats, InterfaceStats } from '#common/protocol/stats.ts';
import { readStats } from '#runtime/cgroups/stats.ts';
import { readTextIfAny } from '#sys/files.ts';
import { timestamp } from '#sys/time.ts';
import type { Made } from './made.ts';

/** What the container uses now: its cgroups, and the interfaces of its network as its first process sees them. */
export function containerStats({ record, pid }: Made): ContainerStats {
  const table = readTextIfAny(`/proc/${pid}/net/dev`) ?? '';
  return { at: timestamp(), cgroups: readStats(record.cgroup), interfaces: interfaceStats(table) };
}

/** /proc/PID/net/dev: two lines of headings, then for each interface eight numbers received and eight sent. proc_pid_net(5). */
export function interfaceStats(table: string): InterfaceStats[] {
  return table
    .split('\n')
    .slice(2)
    .filter((line) => line.includes(':'))
    .map((line) => {
      const colon = line.indexOf(':');
      const numbers = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const at = (index: number) => numbers[index] ?? 0;
      return {
        name: line.slice(0, colon).trim(),
        receivedBytes: at(0),
        receivedPackets: at(1),
        receivedErrors: at(2),
        receivedDropped: at(3),
        sentBytes: at(8),
        sentPackets: at(9),
        sentErrors: at(10),
        sentDropped: at(11),
      };
    });
}
