import { ProaError } from '#common/errors.ts';
import type { ContainerPhase, ContainerRequest, ContainerState, ExitRecord } from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { after, sleep } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { applyResources } from '#runtime/cgroups/index.ts';
import { oomKills } from '#runtime/cgroups/oom.ts';
import { dropPrepared } from '#runtime/namespaces/prepared.ts';
import { ENODEV, ENOENT, ESRCH } from '#sys/errno.ts';
import { type ExitReason, SIGKILL, statusOfReason } from '#sys/processes.ts';
import { monotonicMicroseconds, timestamp } from '#sys/time.ts';
import { cleanUpSteps } from './clean-up.ts';
import type { ContainerFiles } from './directories.ts';
import { inHelper } from './helper.ts';
import type { LogWriter } from './logs/types.ts';
import { type Made, makeContainer } from './made.ts';
import { watchMemory } from './memory-watch.ts';
import type { Notices } from './notices.ts';
import type { Reaper } from './reaper.ts';
import { restartDelay } from './restart.ts';
import type { RuntimeDriver } from './runtimes/driver.ts';
import { Streams } from './streams.ts';
import { nothing, Waiters } from './waiters.ts';

export interface RunsOptions {
  request: ContainerRequest;
  /** Of a new container, or what a lost monitor has left. */
  state: ContainerState;
  files: ContainerFiles;
  driver: RuntimeDriver;
  notices: Notices;
  log: LogWriter;
  loop: Loop;
  reaper: Reaper;
  /** Ends the program that runs: it is not wanted any more. */
  endProgram(): Promise<void>;
}

/** A foreign runtime, or a hook of the bundle, may hang. */
const UNMAKE_MILLISECONDS = 60_000;
const START_MILLISECONDS = 10_000;

/** A container's runs: made, running, ended, started again as its policy says, until it has ended for good. */
export class Runs {
  readonly request: ContainerRequest;
  readonly state: ContainerState;
  readonly notices: Notices;
  readonly #files: ContainerFiles;
  readonly #driver: RuntimeDriver;
  readonly #log: LogWriter;
  readonly #loop: Loop;
  readonly #reaper: Reaper;
  readonly #endProgram: () => Promise<void>;
  /** Of one that is made when it is started: whoever wants to hear it from its beginning comes before. */
  #waiting: Streams | undefined;
  #made: Made | undefined;
  #memory: Disposable | undefined;
  #startedAt = 0;
  #unhealthy = false;
  #starting: Promise<void> | undefined;
  #ending = false;
  readonly #ends = new Waiters<ExitRecord>();
  readonly #cleaned = new Waiters<ExitRecord>();
  #nextStart: Disposable | undefined;
  #farewell: Promise<unknown> = Promise.resolve();
  /** Resolves when the container has ended for good. */
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  /** Called once, when it has been made for the first time and all that belongs to that is done. */
  onSettled: () => void = () => {};
  /** Called around each run of the program. */
  onStart: () => void = () => {};
  onEnd: () => void = () => {};

  constructor({ request, state, files, driver, notices, log, loop, reaper, endProgram }: RunsOptions) {
    this.request = request;
    this.state = state;
    this.notices = notices;
    this.#files = files;
    this.#driver = driver;
    this.#log = log;
    this.#loop = loop;
    this.#reaper = reaper;
    this.#endProgram = endProgram;
    if (request.late && !request.start && state.phase === 'created') this.#waiting = this.#newStreams();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Its program has ended; what follows from that may be under way. */
  get ending(): boolean {
    return this.#ending;
  }

  /** It is made, started or not, and has not ended. */
  get isUp(): boolean {
    return this.#made !== undefined && !this.#ending;
  }

  /** Throws `conflict` where it is not made. */
  get made(): Made {
    if (!this.#made) throw this.notRunning();
    return this.#made;
  }

  get streams(): Streams {
    return this.#waiting ?? this.made.streams;
  }

  #newStreams(): Streams {
    return new Streams(this.#loop, { stdin: this.request.stdin, sink: this.#log });
  }

  /** Whether it has ended under somebody's hands, whose work failed of that: its processes and cgroups are gone. */
  hasLost(error: unknown): boolean {
    return this.#ending && [ENODEV, ENOENT, ESRCH].includes((error as { errno?: number }).errno ?? 0);
  }

  notRunning(): ProaError {
    const why = this.#ending ? 'has ended' : `is ${this.state.phase}`;
    return new ProaError(`container "${this.request.id}" is not running: it ${why}`, { kind: 'conflict' });
  }

  /**
   * Makes the container, with `start` up to its running program; the `first` time its monitor may stand still meanwhile. A
   * failure is thrown, and nothing is left.
   */
  async make({ start, first = false }: { start: boolean; first?: boolean }): Promise<void> {
    // The program may end before we have heard its number.
    using _expected = this.#reaper.expectChild();
    const streams = this.#waiting ?? this.#newStreams();
    const standingStill = first && this.#driver.makesQuickly();
    const made = await makeContainer(this.#loop, this.#driver, { streams, start, standingStill });
    // Of its next start they would not be new.
    dropPrepared();
    this.#waiting = undefined;
    this.#made = made;
    this.#ending = false;
    this.state.pid = made.pid;
    this.state.cgroup = made.record.cgroup;
    this.#loop.later(() => this.#settleStart(made));
    const { resources } = this.request;
    if (resources) this.notices.attempt('limit it as it was', () => applyResources(made.record.cgroup, resources));
    if (start) this.#running();
    else this.enter('created');
    this.#reaper.exitOf(made.pid).then((reason) => this.#onExit(made, reason));
  }

  /** What has time until it was told that the container is made. The program may have ended by then. */
  #settleStart(made: Made): void {
    this.#recordProcess(made);
    this.notices.attempt('say that it is settled', this.onSettled);
    this.onSettled = () => {};
    if (this.#made !== made || this.#ending) return;
    this.notices.attempt('watch its memory', () => {
      this.#memory = watchMemory(this.#loop, made.record.cgroup, () => this.notices.tell('out-of-memory'));
    });
  }

  #recordProcess(made: Made): void {
    const { settle } = made;
    delete made.settle;
    if (settle) this.notices.attempt('record its process', settle);
  }

  /** Lets a made container run its program. */
  async start(): Promise<void> {
    const { phase } = this.state;
    if (phase !== 'created' || this.#starting) {
      throw new ProaError(`container "${this.request.id}" is ${phase}: only a created one can be started`, {
        kind: 'conflict',
      });
    }
    this.#starting = this.#startProgram();
    try {
      await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  async #startProgram(): Promise<void> {
    if (this.#waiting) return await this.#makeAtLast();
    const { record, beginsAlone } = this.made;
    const beginning = beginsAlone ? this.#driver.begin?.(record) : undefined;
    if (beginning) {
      using socket = beginning.socket;
      await this.#loop.ready(socket.number, 'readable');
      beginning.finish();
    } else await inHelper(this.#loop, () => ({ answer: this.#driver.start(record) ?? null }));
    if (this.state.phase === 'created') this.#running();
  }

  /** Where that fails nothing is left of it, as if it had failed before: who asks until we are gone is told that it ended. */
  async #makeAtLast(): Promise<void> {
    try {
      await this.make({ start: true, first: true });
    } catch (error) {
      this.#waiting = undefined;
      const exit = failedStart(error);
      Object.assign(this.state, { phase: 'exited', exit, cleaned: true });
      this.#files.release();
      this.#ends.tell(exit);
      this.#cleaned.tell(exit);
      this.#end();
      throw error;
    }
    await this.endIfStopped();
  }

  #running(): void {
    this.#startedAt = monotonicMicroseconds();
    this.state.startedAt = timestamp();
    this.#unhealthy = false;
    delete this.state.signalled;
    this.state.cleaned = false;
    // It may have ended meanwhile.
    if (!this.#ending) delete this.state.exit;
    this.enter('running');
    this.notices.tell('start', { pid: this.state.pid });
    if (!this.#ending) this.onStart();
  }

  async #onExit(made: Made, reason: ExitReason): Promise<void> {
    this.#ending = true;
    this.#recordProcess(made);
    const exit: ExitRecord = { status: statusOfReason(reason), outOfMemory: false, at: timestamp() };
    this.notices.attempt('end its checks', this.onEnd);
    this.notices.attempt('see whether memory ran out', () => {
      exit.outOfMemory = oomKills(made.record.cgroup) > 0;
    });
    if (reason.signal !== undefined) exit.signal = reason.signal;
    this.#memory?.[Symbol.dispose]();
    this.#memory = undefined;
    // Unmaking may take long: whoever comes after us, should we be lost meanwhile, shall know how it ended.
    this.state.exit = exit;
    this.enter(this.state.phase);
    await this.#unmake(made);
    await made.streams.finish();
    this.#farewell = made.streams.farewell;
    this.#made = undefined;
    made.pidfd.close();
    // Whether it has been started at all, and nobody hears of an end before its start. But hooks of the bundle may hang.
    if (this.#starting) await Promise.race([this.#starting.catch(() => {}), sleep(this.#loop, START_MILLISECONDS)]);
    await this.#settle(exit);
  }

  async #unmake({ record }: Made): Promise<void> {
    try {
      if (this.#driver.destroyAtOnce?.(record)) return;
    } catch {
      // It is tried once more, and told then.
    }
    const unmake = () => this.#driver.destroy(this.request.id);
    await this.notices.attemptInHelper('unmake the container', unmake, UNMAKE_MILLISECONDS);
  }

  /** Records an end, tells it, and decides what follows. Recorded before anyone is told. */
  async #settle(exit: ExitRecord): Promise<void> {
    const state = this.state;
    delete state.pid;
    delete state.cgroup;
    state.exit = exit;
    const delay = restartDelay(this.request.restart ?? { policy: 'no' }, {
      exit,
      started: state.startedAt !== undefined,
      stopped: state.stopped,
      signalled: state.signalled,
      unhealthy: this.#unhealthy,
      restarts: state.restarts,
      ranMilliseconds: (monotonicMicroseconds() - this.#startedAt) / 1000,
      lastDelay: state.lastDelay ?? 0,
    });
    if (delay === undefined) this.#enterExited();
    else {
      state.phase = 'restarting';
      state.lastDelay = delay;
    }
    const steps = cleanUpSteps(this.request);
    // Where nothing is to be cleaned up, whoever hears of the end may use the id at once.
    state.cleaned = steps.length === 0;
    this.#record();
    this.notices.tell('exit', { exit, phase: state.phase });
    this.#ends.tell(exit);
    for (const step of steps) await this.notices.attemptInHelper('clean up', step);
    if (!state.cleaned) {
      state.cleaned = true;
      this.#record();
    }
    this.notices.tell('cleaned');
    if (delay === undefined) this.#endForGood();
    // Somebody stopped it meanwhile.
    else if (state.stopped) this.#stayEnded();
    else this.startLater();
  }

  #enterExited(): void {
    this.state.phase = 'exited';
    this.notices.attempt('end the log', () => this.#log[Symbol.dispose]());
  }

  /** The id is free when the container has ended for good. An exit that is recorded nowhere else, and clean-up, keep it. */
  #record(): void {
    const state = this.state;
    this.notices.attempt('record the state', () => this.#files.saveState(state));
    this.notices.attempt('record the exit', () => {
      if (!this.request.removeOnExit) this.#files.saveDurably(state);
      if (state.phase === 'exited' && state.cleaned) this.#files.release();
    });
  }

  /** After the delay that the restart policy wants. */
  startLater(): void {
    this.#nextStart = after(this.#loop, this.state.lastDelay ?? 0, () => this.#startAgain());
  }

  /** The start that it waits for is not wanted any more: it ends for good. Undefined where it waits for none. */
  dropNextStart(): Promise<void> | undefined {
    if (this.#nextStart) {
      this.#nextStart[Symbol.dispose]();
      this.#nextStart = undefined;
      this.#stayEnded();
      return Promise.resolve();
    }
    if (!this.#waiting || this.#starting) return undefined;
    this.#waiting[Symbol.dispose]();
    this.#waiting = undefined;
    return this.#settle({ status: 128 + SIGKILL, signal: SIGKILL, outOfMemory: false, at: timestamp() });
  }

  /** It has ended and was told; now it will not be started again. */
  #stayEnded(): void {
    this.#enterExited();
    this.#record();
    this.#ends.tell(this.state.exit as ExitRecord);
    this.#endForGood();
  }

  #endForGood(): void {
    this.#cleaned.tell(this.state.exit as ExitRecord);
    this.#farewell.then(() => this.#end());
  }

  async #startAgain(): Promise<void> {
    this.#nextStart = undefined;
    this.state.restarts++;
    this.notices.tell('restart', { restarts: this.state.restarts });
    try {
      await this.make({ start: true });
    } catch (error) {
      this.#startedAt = monotonicMicroseconds();
      await this.#settle(failedStart(error));
      return;
    }
    await this.endIfStopped();
  }

  /** For whoever has made it: somebody may have stopped it meanwhile; it may have ended by itself, too. */
  async endIfStopped(): Promise<void> {
    if (this.state.stopped && this.isUp) await this.#endProgram();
  }

  enter(phase: ContainerPhase): void {
    this.state.phase = phase;
    this.notices.attempt('record the state', () => this.#files.saveState(this.state));
  }

  /** As `wait` of the protocol has it, unless disposed before. */
  when(condition: 'ended' | 'cleaned', told: (exit: ExitRecord) => void): Disposable {
    const { phase, exit, cleaned } = this.state;
    const waiters = condition === 'ended' ? this.#ends : this.#cleaned;
    if (phase !== 'exited' || !exit || (condition === 'cleaned' && !cleaned)) return waiters.add(told);
    told(exit);
    return nothing;
  }

  /** Its checks failed: ended now, and started again where its policy says so. */
  endUnhealthy(): void {
    if (this.request.restart?.policy !== 'on-unhealthy' || this.state.stopped) return;
    this.#unhealthy = true;
    this.#endProgram();
  }
}

function failedStart(error: unknown): ExitRecord {
  return { status: 127, outOfMemory: false, at: timestamp(), failure: failureMessage(error) };
}
