import { ProaError } from '#common/errors.ts';
import { sleep } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { setFrozen } from '#runtime/cgroups/freezer.ts';
import { inHelper } from './helper.ts';
import type { Runs } from './runs.ts';

/** What an exec starts may be on a filesystem that hangs. */
const EXEC_START_MILLISECONDS = 5000;

/** A container's standing still, and who has to be awake. */
export class Pausing {
  readonly #loop: Loop;
  readonly #runs: Runs;
  #pausing = false;
  readonly #execStarts = new Set<Promise<unknown>>();
  /** How often it was asked to be awake. */
  #wakes = 0;
  /** Called before it stands still, and when it goes on. */
  onPause: () => void = () => {};
  onResume: () => void = () => {};

  constructor(loop: Loop, runs: Runs) {
    this.#loop = loop;
    this.#runs = runs;
  }

  async pause(): Promise<void> {
    const runs = this.#runs;
    const { phase } = runs.state;
    if (phase !== 'running' || runs.ending || this.#pausing)
      throw new ProaError(`container "${runs.request.id}" is ${this.#pausing ? 'being paused' : phase}`, {
        kind: 'conflict',
      });
    // A check that runs would stand still too, and only its time would go on.
    this.onPause();
    const wakes = this.#wakes;
    this.#pausing = true;
    try {
      if (this.#execStarts.size > 0)
        await Promise.race([Promise.allSettled(this.#execStarts), sleep(this.#loop, EXEC_START_MILLISECONDS)]);
      await this.#freeze(true);
    } catch (error) {
      this.onResume();
      throw error;
    } finally {
      this.#pausing = false;
    }
    if (runs.ending) return;
    runs.enter('paused');
    runs.notices.tell('pause');
    // Whoever ended it while it was being frozen found nothing to wake.
    if (this.#wakes !== wakes) await this.wake();
  }

  async resume(): Promise<void> {
    if (this.#runs.state.phase !== 'paused')
      throw new ProaError(`container "${this.#runs.request.id}" is not paused`, { kind: 'conflict' });
    await this.wake();
  }

  /** A frozen process gets no signal, and cgroup version 1 does not even let it die. */
  async wake(): Promise<void> {
    this.#wakes++;
    if (this.#runs.state.phase !== 'paused') return;
    try {
      await this.#freeze(false);
    } catch (error) {
      // Nobody is there any more who could be frozen.
      if (this.#runs.ending) return;
      throw error;
    }
    if (this.#runs.state.phase !== 'paused') return;
    this.#runs.enter('running');
    this.#runs.notices.tell('resume');
    this.onResume();
  }

  /** The kernel may need a while until all processes stand still. */
  async #freeze(frozen: boolean): Promise<void> {
    const { cgroup } = this.#runs.made.record;
    await inHelper(this.#loop, () => ({ answer: setFrozen(cgroup, frozen) ?? null }));
  }

  /** Starts a further process; a pause waits for that: frozen halfway it would neither run nor fail. */
  async startExec<T>(start: () => Promise<T>): Promise<T> {
    if (this.#pausing || this.#runs.state.phase === 'paused')
      throw new ProaError(`container "${this.#runs.request.id}" is paused`, { kind: 'conflict' });
    const starting = start();
    this.#execStarts.add(starting);
    try {
      return await starting;
    } finally {
      this.#execStarts.delete(starting);
    }
  }
}
