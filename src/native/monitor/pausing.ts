import { ProaError } from '#common/errors.ts';
import type { ContainerPhase } from '#common/protocol/container.ts';
import { sleep } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { setFrozen } from '#runtime/cgroups/freezer.ts';
import type { CgroupRecord } from '#runtime/cgroups/record.ts';
import { inHelper } from './helper.ts';

/** What is seen and told of the container that is paused. */
export interface Pausable {
  readonly id: string;
  readonly phase: ContainerPhase;
  /** Its program has ended, and what follows from that is being done. */
  readonly ending: boolean;
  /** Throws `conflict` while it does not run. */
  readonly cgroup: CgroupRecord;
  enter(phase: 'running' | 'paused'): void;
  tell(notice: 'pause' | 'resume'): void;
  onPause(): void;
  onResume(): void;
}

/** What an exec starts may be on a filesystem that hangs. */
const EXEC_START_MILLISECONDS = 5000;

/** A container's standing still, and who has to be awake. */
export class Pausing {
  readonly #loop: Loop;
  readonly #container: Pausable;
  #pausing = false;
  readonly #execStarts = new Set<Promise<unknown>>();
  /** How often it was asked to be awake. */
  #wakes = 0;

  constructor(loop: Loop, container: Pausable) {
    this.#loop = loop;
    this.#container = container;
  }

  async pause(): Promise<void> {
    const container = this.#container;
    if (container.phase !== 'running' || container.ending || this.#pausing)
      throw new ProaError(`container "${container.id}" is ${this.#pausing ? 'being paused' : container.phase}`, {
        kind: 'conflict',
      });
    // A check that runs would stand still too, and only its time would go on.
    container.onPause();
    const wakes = this.#wakes;
    this.#pausing = true;
    try {
      if (this.#execStarts.size > 0)
        await Promise.race([Promise.allSettled(this.#execStarts), sleep(this.#loop, EXEC_START_MILLISECONDS)]);
      await this.#freeze(true);
    } catch (error) {
      container.onResume();
      throw error;
    } finally {
      this.#pausing = false;
    }
    if (container.ending) return;
    container.enter('paused');
    container.tell('pause');
    // Whoever ended it while it was being frozen found nothing to wake.
    if (this.#wakes !== wakes) await this.wake();
  }

  async resume(): Promise<void> {
    if (this.#container.phase !== 'paused')
      throw new ProaError(`container "${this.#container.id}" is not paused`, { kind: 'conflict' });
    await this.wake();
  }

  /** A frozen process gets no signal, and cgroup version 1 does not even let it die. */
  async wake(): Promise<void> {
    this.#wakes++;
    if (this.#container.phase !== 'paused') return;
    try {
      await this.#freeze(false);
    } catch (error) {
      // Nobody is there any more who could be frozen.
      if (this.#container.ending) return;
      throw error;
    }
    if (this.#container.phase !== 'paused') return;
    this.#container.enter('running');
    this.#container.tell('resume');
    this.#container.onResume();
  }

  /** The kernel may need a while until all processes stand still. */
  async #freeze(frozen: boolean): Promise<void> {
    const { cgroup } = this.#container;
    await inHelper(this.#loop, () => ({ answer: setFrozen(cgroup, frozen) ?? null }));
  }

  /** Starts a further process; a pause waits for that: frozen halfway it would neither run nor fail. */
  async startExec<T>(start: () => Promise<T>): Promise<T> {
    if (this.#pausing || this.#container.phase === 'paused')
      throw new ProaError(`container "${this.#container.id}" is paused`, { kind: 'conflict' });
    const starting = start();
    this.#execStarts.add(starting);
    try {
      return await starting;
    } finally {
      this.#execStarts.delete(starting);
    }
  }
}
