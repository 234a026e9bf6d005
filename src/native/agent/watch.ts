import type { Loop } from '#loop/loop.ts';
import { ContainerFiles, containersDirectory, type Roots } from '#native/monitor/directories.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { listDirectory } from '#sys/files.ts';
import { openProcess, processFacts } from '#sys/processes.ts';

/** Notices monitors that are gone while their containers have not ended. */
export class MonitorWatch implements Disposable {
  readonly #loop: Loop;
  readonly #roots: Roots;
  readonly #lost: (id: string) => void;
  /** Monitors of an earlier agent: not our children, so their ends have to be watched for. */
  readonly #adopted = new Map<string, OwnedFd>();

  constructor(loop: Loop, roots: Roots, lost: (id: string) => void) {
    this.#loop = loop;
    this.#roots = roots;
    this.#lost = lost;
  }

  /** Takes over the monitors that run already. */
  adopt(): void {
    this.#visit((id, pid) => {
      const pidfd = openProcess(pid);
      if (!pidfd) return;
      this.#adopted.set(id, pidfd);
      this.#loop.watch(pidfd.number, 'readable', () => {
        this.#loop.forget(pidfd.number);
        pidfd.close();
        this.#adopted.delete(id);
        this.look();
      });
    });
  }

  /** Looks for containers whose monitor is gone: something has ended that should not have. */
  look(): void {
    this.#visit(() => {});
  }

  #visit(alive: (id: string, pid: number) => void): void {
    for (const id of listDirectory(containersDirectory(this.#roots))) {
      const state = new ContainerFiles(this.#roots, id).loadState();
      // Its monitor has not come so far yet, or is about to leave.
      if (!state) continue;
      const { pid, startTime } = state.monitor;
      const facts = processFacts(pid);
      if (facts && facts.startTime === startTime && facts.state !== 'Z') alive(id, pid);
      else this.#lost(id);
    }
  }

  [Symbol.dispose](): void {
    for (const pidfd of this.#adopted.values()) pidfd.close();
  }
}
