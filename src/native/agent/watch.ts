import type { Loop } from '#loop/loop.ts';
import { ContainerFiles, containersDirectory, type Roots } from '#native/monitor/directories.ts';
import { ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { listDirectory } from '#sys/files.ts';
import { openProcess, processFacts } from '#sys/processes.ts';
import { getpid } from '#sys/raw/process.ts';

export interface WatchEvents {
  /** The monitor of this container is gone, or nothing tells who it is. */
  lost(id: string): void;
  /** A monitor that is not a child of this process has ended: time to look. */
  ended(): void;
}

/** Notices monitors that are gone while their containers have not ended. */
export class MonitorWatch implements Disposable {
  readonly #loop: Loop;
  readonly #roots: Roots;
  readonly #events: WatchEvents;
  /** Monitors of an earlier agent: not our children, so their ends have to be watched for. */
  readonly #adopted = new Map<string, OwnedFd>();

  constructor(loop: Loop, roots: Roots, events: WatchEvents) {
    this.#loop = loop;
    this.#roots = roots;
    this.#events = events;
  }

  /** Looks for containers whose monitor is gone, and takes over those that an earlier agent's children have made. */
  look(): void {
    for (const id of this.#ids()) {
      const monitor = new ContainerFiles(this.#roots, id).loadState()?.monitor;
      const facts = monitor && livingFacts(monitor);
      if (!facts) this.#events.lost(id);
      else if (facts.parent !== getpid() && !this.#adopted.has(id)) this.#adopt(id, monitor);
    }
  }

  #ids(): string[] {
    try {
      return listDirectory(containersDirectory(this.#roots));
    } catch (error) {
      if (isErrno(error, ENOENT)) return [];
      throw error;
    }
  }

  #adopt(id: string, monitor: Monitor): void {
    const pidfd = openProcess(monitor.pid);
    // It may have ended, and its number have gone to another, since we looked.
    if (!pidfd || !livingFacts(monitor)) {
      pidfd?.close();
      this.#events.lost(id);
      return;
    }
    this.#adopted.set(id, pidfd);
    this.#loop.watch(pidfd.number, 'readable', () => {
      this.#loop.forget(pidfd.number);
      pidfd.close();
      this.#adopted.delete(id);
      this.#events.ended();
    });
  }

  [Symbol.dispose](): void {
    for (const pidfd of this.#adopted.values()) pidfd.close();
  }
}

interface Monitor {
  pid: number;
  startTime: number;
}

function livingFacts({ pid, startTime }: Monitor) {
  const facts = processFacts(pid);
  return facts && facts.startTime === startTime && facts.state !== 'Z' ? facts : undefined;
}
