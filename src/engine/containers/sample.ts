import { readFileSync, readlinkSync } from 'node:fs';
import { kindOf } from '#common/errors.ts';
import type { ContainerStats } from '#common/protocol/stats.ts';
import type { Container } from './container.ts';

/** What a container and the whole machine had used at one moment. */
export interface Sample {
  container: ContainerStats;
  machine: MachineUse;
  /** Its interfaces are the machine's, of which nobody can say what this container has to do with them. */
  machineNetwork: boolean;
}

export interface MachineUse {
  /** Time of all processors together, idle or not. */
  nanoseconds: number;
  processors: number;
}

/** Undefined of a container that does not run. */
export async function takeSample(container: Container): Promise<Sample | undefined> {
  if (container.status !== 'running' && container.status !== 'paused') return undefined;
  try {
    const { pid } = container;
    const stats = (await container.ask('stats', {})) as ContainerStats;
    const machine = machineUse(readFileSync('/proc/stat', 'utf8'));
    return { container: stats, machine, machineNetwork: isMachineNetwork(pid) };
  } catch (error) {
    // It has ended meanwhile.
    if (kindOf(error) === 'conflict') return undefined;
    throw error;
  }
}

/** /proc/stat counts in USER_HZ, which is 100 on every Linux; what guests of it use is in `user` already: proc_stat(5). */
export function machineUse(text: string): MachineUse {
  const [, ...ticks] = (/^cpu .*$/m.exec(text)?.[0] ?? '').split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = ticks;
  return {
    nanoseconds: (user + nice + system + idle + ioWait + irq + softIrq + steal) * 1e7,
    processors: text.match(/^cpu\d/gm)?.length ?? 1,
  };
}

function isMachineNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net');
  } catch {
    // It has ended since it was asked.
    return false;
  }
}
