import { describe, ProaError } from '#common/errors.ts';
import type {
  ContainerPhase,
  ContainerRequest,
  ContainerState,
  ExitRecord,
  HealthStatus,
  RestartSettings,
} from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import type { Notice } from '#common/protocol/monitor.ts';
import { after } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { setFrozen } from '#runtime/cgroups/freezer.ts';
import { killAll } from '#runtime/cgroups/index.ts';
import { oomKills } from '#runtime/cgroups/oom.ts';
import { type OomWatch, watchOom } from '#runtime/cgroups/oom-watch.ts';
import { runHooks } from '#runtime/hooks.ts';
import { type ExitReason, SIGKILL, signalProcess, statusOfReason } from '#sys/processes.ts';
import { SIGTERM } from '#sys/signals.ts';
import { monotonicMicroseconds, timestamp } from '#sys/time.ts';
import { ContainerFiles, newState, type Roots, runtimeRoot } from './directories.ts';
import { inHelper } from './helper.ts';
import { openLog } from './logs/open.ts';
import type { LogWriter } from './logs/types.ts';
import { type Made, makeContainer } from './made.ts';
import type { Reaper } from './reaper.ts';
import { restartDelay } from './restart.ts';
import { driverFor, type RuntimeDriver } from './runtimes/driver.ts';
import type { Streams } from './streams.ts';

export interface ContainerOptions {
  request: ContainerRequest;
  roots: Roots;
  loop: Loop;
  reaper: Reaper;
  /** What the monitor before this one has left: it was lost. */
  previous?: ContainerState | undefined;
}

const GRACE_SECONDS = 10;

/** One container through all its starts: made, running, ended, started again, until it has ended for good. */
export class Container {
  readonly request: ContainerRequest;
  readonly files: ContainerFiles;
  readonly driver: RuntimeDriver;
  readonly #loop: Loop;
  readonly #reaper: Reaper;
  readonly #log: LogWriter;
  readonly #state: ContainerState;
  readonly #watchers = new Set<(notice: Notice) => void>();
  #restart: RestartSettings;
  #made: Made | undefined;
  #oom: OomWatch | undefined;
  #startedAt = 0;
  #lastDelay = 0;
  #unhealthy = false;
  #starting = false;
  #waiting: ((exit: ExitRecord) => void)[] = [];
  #nextStart: Disposable | undefined;
  /** Resolves when the container has ended for good. */
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  /** Called around each run of the program. */
  onStart: () => void = () => {};
  onEnd: () => void = () => {};

  constructor({ request, roots, loop, reaper, previous }: ContainerOptions) {
    this.request = request;
    this.files = new ContainerFiles(roots, request.id);
    this.driver = driverFor(request, { root: runtimeRoot(roots), directory: this.files.run });
    this.#loop = loop;
    this.#reaper = reaper;
    this.#restart = request.restart ?? { policy: 'no' };
    this.#log = openLog(request.log);
    this.#lastDelay = previous?.lastDelay ?? 0;
    this.#state = previous ?? newState(request.id);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get state(): ContainerState {
    return this.#state;
  }

  get made(): Made {
    if (!this.#made) throw this.#notRunning();
    return this.#made;
  }

  get streams(): Streams {
    return this.made.streams;
  }

  #notRunning(): ProaError {
    return new ProaError(`container "${this.request.id}" is not running: it is ${this.#state.phase}`, {
      kind: 'conflict',
    });
  }

  /** Makes the container, with `start` up to its running program. A failure is thrown, and nothing is left. */
  async make({ start }: { start: boolean }): Promise<void> {
    // The program may end before we have heard its number.
    using _expected = this.#reaper.expectChild();
    const { stdin } = this.request;
    const made = await makeContainer(this.#loop, this.driver, { stdin, sink: this.#log, start });
    this.#made = made;
    this.#state.pid = made.pid;
    this.#state.cgroup = made.record.cgroup;
    this.#watchMemory(made);
    if (start) this.#running();
    else this.#enter('created');
    this.#reaper.exitOf(made.pid).then((reason) => this.#onExit(made, reason));
  }

  /** Lets a made container run its program. */
  async start(): Promise<void> {
    const { phase } = this.#state;
    if (phase !== 'created' || this.#starting) {
      throw new ProaError(`container "${this.request.id}" is ${phase}: only a created one can be started`, {
        kind: 'conflict',
      });
    }
    this.#starting = true;
    try {
      const { record } = this.made;
      await inHelper(this.#loop, () => ({ answer: this.driver.start(record) ?? null }));
      // It may have run and ended meanwhile.
      if (this.#state.phase === 'created') this.#running();
    } finally {
      this.#starting = false;
    }
  }

  #watchMemory({ record }: Made): void {
    const watch = watchOom(record.cgroup);
    if (!watch) return;
    this.#oom = watch;
    this.#loop.watch(watch.fd.number, 'readable', () => {
      if (watch.take()) this.tell('out-of-memory');
    });
  }

  #running(): void {
    this.#startedAt = monotonicMicroseconds();
    this.#state.startedAt = timestamp();
    this.#unhealthy = false;
    delete this.#state.exit;
    this.#enter('running');
    this.tell('start', { pid: this.#state.pid });
    this.onStart();
  }

  async #onExit(made: Made, reason: ExitReason): Promise<void> {
    const exit: ExitRecord = { status: statusOfReason(reason), outOfMemory: false, at: timestamp() };
    this.#attempt('end its checks', this.onEnd);
    this.#attempt('see whether memory ran out', () => {
      exit.outOfMemory = oomKills(made.record.cgroup) > 0;
    });
    if (reason.signal !== undefined) exit.signal = reason.signal;
    this.#forgetMemory();
    try {
      await inHelper(this.#loop, () => ({ answer: this.driver.destroy(this.request.id) ?? null }));
    } catch (error) {
      this.tell('trouble', { what: 'unmake the container', failure: describe(error) });
    }
    made.pidfd.close();
    await made.streams.finish();
    this.#made = undefined;
    this.#settle(exit);
  }

  #forgetMemory(): void {
    if (!this.#oom) return;
    this.#loop.forget(this.#oom.fd.number);
    this.#oom[Symbol.dispose]();
    this.#oom = undefined;
  }

  /** Records an end, tells it, and decides what follows. Recorded before anyone is told. */
  #settle(exit: ExitRecord): void {
    const state = this.#state;
    delete state.pid;
    delete state.cgroup;
    state.exit = exit;
    const delay = restartDelay(this.#restart, {
      exit,
      started: state.startedAt !== undefined || this.#starting,
      stopped: state.stopped,
      unhealthy: this.#unhealthy,
      restarts: state.restarts,
      ranMilliseconds: (monotonicMicroseconds() - this.#startedAt) / 1000,
      lastDelay: this.#lastDelay,
    });
    state.phase = delay === undefined ? 'exited' : 'restarting';
    if (delay !== undefined) state.lastDelay = delay;
    this.#attempt('record the state', () => this.files.saveState(state));
    this.#attempt('record the exit', () => {
      if (!this.request.removeOnExit) this.files.saveDurably(state);
      // Whoever hears of the end may use the id again. An exit that is recorded nowhere else keeps it.
      if (delay === undefined) this.files.release();
    });
    this.tell('exit', { exit });
    for (const told of this.#waiting) told(exit);
    this.#waiting = [];
    this.#cleanUp();
    if (delay === undefined) {
      this.#log[Symbol.dispose]();
      this.#end();
      return;
    }
    this.#lastDelay = delay;
    this.startLater();
  }

  /** After the delay that the restart policy wants. */
  startLater(): void {
    this.#nextStart = after(this.#loop, this.#lastDelay, () => this.#startAgain());
  }

  async #startAgain(): Promise<void> {
    this.#nextStart = undefined;
    this.#state.restarts++;
    this.tell('restart', { restarts: this.#state.restarts });
    try {
      await this.make({ start: true });
      // Somebody stopped it while it was being made.
      if (this.#state.stopped) this.kill(SIGKILL);
    } catch (error) {
      this.#startedAt = monotonicMicroseconds();
      this.#settle({ status: 127, outOfMemory: false, at: timestamp(), failure: failureMessage(error) });
    }
  }

  /** What the engine wants done after each end: its networks and mounts. */
  #cleanUp(): void {
    const { cleanUp = [] } = this.request;
    const state = JSON.stringify({
      ociVersion: '1.3.0',
      id: this.request.id,
      status: 'stopped',
      bundle: this.request.bundle,
    });
    for (const hook of cleanUp) this.#attempt('clean up', () => runHooks('poststop', [hook], state));
  }

  /** One thing that goes wrong must not take the others with it: the monitor lives on. */
  #attempt(what: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.tell('trouble', { what, failure: describe(error) });
    }
  }

  #enter(phase: ContainerPhase): void {
    this.#state.phase = phase;
    this.#attempt('record the state', () => this.files.saveState(this.#state));
  }

  /** Tells all who watch. */
  tell(notice: Notice['notice'], fields: Record<string, unknown> = {}): void {
    if (this.#watchers.size === 0) return;
    const told = { notice, at: timestamp(), ...fields };
    for (const hear of this.#watchers) hear(told);
  }

  watch(hear: (notice: Notice) => void): Disposable {
    this.#watchers.add(hear);
    return { [Symbol.dispose]: () => this.#watchers.delete(hear) };
  }

  /** Resolves with the next end, or the last where there is none to come. */
  wait(): Promise<ExitRecord> {
    const { phase, exit } = this.#state;
    if (phase === 'exited' && exit) return Promise.resolve(exit);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Asks the program to end, and after `graceSeconds` ends it. Its restart policy does not start it again. */
  async stop({ signal, graceSeconds }: { signal?: number; graceSeconds?: number }): Promise<ExitRecord> {
    const { stop = {} } = this.request;
    this.#state.stopped = true;
    const ended = this.wait();
    if (this.#nextStart) {
      this.#nextStart[Symbol.dispose]();
      this.#nextStart = undefined;
      this.#settle(this.#state.exit as ExitRecord);
      return ended;
    }
    if (this.#state.phase === 'exited') return ended;
    // Just being started again: that looks whether it is still wanted.
    if (!this.#made) return ended;
    const grace = graceSeconds ?? stop.graceSeconds ?? GRACE_SECONDS;
    this.#wake();
    this.kill(grace === 0 || this.#state.phase === 'created' ? SIGKILL : (signal ?? stop.signal ?? SIGTERM));
    if (grace === 0) return ended;
    using _timer = after(this.#loop, grace * 1000, () => this.kill(SIGKILL));
    return await ended;
  }

  /** A frozen process gets no signal, and cgroup version 1 does not even let it die. */
  #wake(): void {
    if (this.#state.phase !== 'paused') return;
    setFrozen(this.made.record.cgroup, false);
    this.#enter('running');
  }

  kill(signal: number, { all = false } = {}): void {
    const { pidfd, record } = this.made;
    if (signal === SIGKILL) this.#wake();
    if (all) killAll(record.cgroup, signal);
    else signalProcess(pidfd, signal);
  }

  /** Its checks failed: ended now, and started again where its policy says so. */
  endUnhealthy(): void {
    if (this.#restart.policy !== 'on-unhealthy' || this.#state.stopped) return;
    this.#unhealthy = true;
    this.kill(SIGKILL);
  }

  pause(): void {
    if (this.#state.phase !== 'running')
      throw new ProaError(`container "${this.request.id}" is ${this.#state.phase}`, { kind: 'conflict' });
    setFrozen(this.made.record.cgroup, true);
    this.#enter('paused');
    this.tell('pause');
  }

  resume(): void {
    if (this.#state.phase !== 'paused')
      throw new ProaError(`container "${this.request.id}" is not paused`, { kind: 'conflict' });
    this.#wake();
    this.tell('resume');
  }

  async checkpoint(directory: string, leaveRunning: boolean): Promise<void> {
    const { id } = this.made.record;
    await inHelper(this.#loop, () => ({ answer: this.driver.checkpoint(id, directory, { leaveRunning }) ?? null }));
  }

  setHealth(health: HealthStatus): void {
    this.#state.health = health;
    this.#enter(this.#state.phase);
  }

  changeRestart(restart: RestartSettings): void {
    this.#restart = restart;
    this.request.restart = restart;
    this.files.saveRequest(this.request);
  }

  reopenLog(): void {
    this.#log.reopen();
  }
}
