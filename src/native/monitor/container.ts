import type {
  ContainerRequest,
  ContainerState,
  ExitRecord,
  HealthStatus,
  RestartSettings,
} from '#common/protocol/container.ts';
import type { Resources } from '#common/runtime-spec/types.ts';
import { after } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { applyResources, killAll } from '#runtime/cgroups/index.ts';
import { SIGKILL, signalProcess } from '#sys/processes.ts';
import { SIGTERM } from '#sys/signals.ts';
import { ContainerFiles, driverPlaces, newState, type Roots } from './directories.ts';
import { inHelper } from './helper.ts';
import { mergeResources } from './limits.ts';
import { openLog } from './logs/open.ts';
import type { LogWriter } from './logs/types.ts';
import { Notices } from './notices.ts';
import { Pausing } from './pausing.ts';
import type { Reaper } from './reaper.ts';
import { Runs } from './runs.ts';
import { driverFor, type RuntimeDriver } from './runtimes/driver.ts';

export interface ContainerOptions {
  request: ContainerRequest;
  roots: Roots;
  loop: Loop;
  reaper: Reaper;
  /** What the monitor before this one has left: it was lost. */
  previous?: ContainerState | undefined;
}

const GRACE_SECONDS = 10;

/** One container: what belongs to it through all its runs, and what is asked of it meanwhile. */
export class Container {
  readonly request: ContainerRequest;
  readonly state: ContainerState;
  readonly files: ContainerFiles;
  readonly driver: RuntimeDriver;
  readonly notices: Notices;
  readonly runs: Runs;
  readonly pausing: Pausing;
  readonly #loop: Loop;
  readonly #log: LogWriter;

  constructor({ request, roots, loop, reaper, previous }: ContainerOptions) {
    this.request = request;
    this.state = previous ?? newState(request.id);
    this.files = new ContainerFiles(roots, request.id);
    this.driver = driverFor(request, driverPlaces(roots, this.files));
    this.notices = new Notices(loop);
    this.#loop = loop;
    this.#log = openLog(request.log);
    const { state, files, driver, notices } = this;
    const endProgram = () => this.kill(SIGKILL);
    this.runs = new Runs({ request, state, files, driver, notices, log: this.#log, loop, reaper, endProgram });
    this.pausing = new Pausing(loop, this.runs);
  }

  /** Asks the program to end, and after `graceSeconds` ends it. Its restart policy does not start it again. */
  async stop({ signal, graceSeconds }: { signal?: number; graceSeconds?: number }): Promise<ExitRecord> {
    const { stop = {} } = this.request;
    this.state.stopped = true;
    const ended = new Promise<ExitRecord>((resolve) => this.runs.when('ended', resolve));
    const dropped = this.runs.dropNextStart();
    if (dropped) await dropped;
    // Just being started again: that looks whether it is still wanted.
    if (dropped || !this.runs.isUp) return ended;
    const grace = graceSeconds ?? stop.graceSeconds ?? GRACE_SECONDS;
    const now = grace === 0 || this.state.phase === 'created';
    await this.kill(now ? SIGKILL : (signal ?? stop.signal ?? SIGTERM));
    await this.pausing.wake();
    if (now) return ended;
    using _timer = after(this.#loop, grace * 1000, () => {
      if (this.runs.isUp) this.kill(SIGKILL);
    });
    return await ended;
  }

  /**
   * Somebody's signal, which restart policies respect as `stops` says, whatever the program makes of it. Between two runs
   * there is nobody to be sent it.
   */
  async signal(number: number, { all, stops }: { all: boolean; stops: 'every-policy' | 'unless-stopped' }) {
    const between = this.state.phase === 'restarting' || this.runs.ending;
    if (!between && !this.runs.isUp) throw this.runs.notRunning();
    // Before: what it ends by must not be started again.
    this.state.signalled = true;
    if (stops === 'every-policy') this.state.stopped = true;
    this.runs.enter(this.state.phase);
    if (between) {
      if (this.state.stopped) await this.runs.dropNextStart();
      return;
    }
    await this.kill(number, { all });
    if (stops === 'every-policy') await this.pausing.wake();
  }

  async kill(signal: number, { all = false } = {}): Promise<void> {
    const { pidfd, record } = this.runs.made;
    if (this.runs.ending) throw this.runs.notRunning();
    if (all) killAll(record.cgroup, signal);
    else signalProcess(pidfd, signal);
    if (signal === SIGKILL) await this.pausing.wake();
  }

  async checkpoint(directory: string, leaveRunning: boolean): Promise<void> {
    const { id } = this.runs.made.record;
    await inHelper(this.#loop, () => ({ answer: this.driver.checkpoint(id, directory, { leaveRunning }) ?? null }));
  }

  setHealth(health: HealthStatus): void {
    this.state.health = health;
    this.runs.enter(this.state.phase);
  }

  changeRestart(restart: RestartSettings): void {
    this.request.restart = restart;
    this.files.saveRequest(this.request);
  }

  /** Limits it, also after later starts. It may have to give memory back first, which takes long. */
  async changeResources(resources: Resources): Promise<void> {
    const { cgroup } = this.runs.made.record;
    await inHelper(this.#loop, () => ({ answer: applyResources(cgroup, resources) ?? null }));
    this.request.resources = mergeResources(this.request.resources ?? {}, resources);
    this.files.saveRequest(this.request);
  }

  reopenLog(): void {
    this.#log.reopen();
  }
}
