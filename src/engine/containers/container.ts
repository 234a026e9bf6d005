import type { Socket } from 'node:net';
import { join } from 'node:path';
import { kindOf, ProaError } from '#common/errors.ts';
import {
  ATTACHED_SINCE,
  type ContainerState,
  type ExitRecord,
  LATE_SINCE,
  STOPPING_SIGNALS_SINCE,
} from '#common/protocol/container.ts';
import type { AttachOptions, Notice, Requests } from '#common/protocol/monitor.ts';
import { Connection, type ConnectionOptions } from '../monitors/connection.ts';
import type { ContainerRecord } from './record.ts';

export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead';

/** How long a start is held for clients that are still to attach, and to wait for the end. */
const EXPECTED_MILLISECONDS = 5000;
const LATE_MILLISECONDS = 100;

/** Clients without whom a start is held. */
export interface Expectation {
  attached: number;
  waiting: number;
}

/** What a container tells whoever keeps it. */
export interface ContainerListener {
  notice(container: Container, notice: Notice): void;
  /** It has ended for good, and its monitor with it. `lost`: nobody knows how. */
  ended(container: Container): void;
  /** Its monitor is gone and has not said that the container ended. */
  lost(container: Container): void;
}

/** One container: its record, what its monitor says of it, and questions to that. Reading it waits for nobody. */
export class Container {
  readonly record: ContainerRecord;
  readonly #listener: ContainerListener;
  readonly #monitorPath: string;
  #state: ContainerState | undefined;
  #monitor: Connection | undefined;
  /** Operations that change whether it exists or has a monitor, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  readonly #endWaiters = new Set<(exit: ExitRecord | undefined) => void>();
  readonly #goneWaiters = new Set<(exit: ExitRecord | undefined) => void>();
  readonly #removalWaiters = new Set<() => void>();
  readonly #monitorWaiters: (() => void)[] = [];
  readonly #attachWaiters = new Set<(container: Container) => Promise<void>>();
  /** Called whenever more clients are there, and when nobody needs them any more. */
  readonly #expecting = new Set<() => void>();
  #removed = false;
  /** Told while its state was still being asked for. */
  #early: Notice[] | undefined;
  /** Its monitor is gone, and what became of it is not known yet: until then it is as it was. */
  #lost = false;
  /** It goes with its end, but not with the next: it is being started anew. */
  keepOnce = false;

  constructor(record: ContainerRecord, { run, listener }: { run: string; listener: ContainerListener }) {
    this.record = record;
    this.#listener = listener;
    this.#monitorPath = join(run, 'containers', record.id, 'monitor');
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  /** As its monitor last told; of one that ended, how. */
  get state(): ContainerState | undefined {
    return this.#state;
  }

  get status(): Status {
    if (this.record.removing) return 'removing';
    const phase = this.#monitor || this.#lost ? this.#state?.phase : undefined;
    if (phase === 'running' || phase === 'paused' || phase === 'restarting') return phase;
    return this.record.started ? 'exited' : 'created';
  }

  /** Whether its monitor makes it when it starts it. */
  get startsInOneStep(): boolean {
    return (this.#monitor?.version ?? 0) >= LATE_SINCE;
  }

  /** Whether its monitor waits with a start for those who will attach. */
  get asksAtOnce(): boolean {
    return (this.#monitor?.version ?? 0) >= ATTACHED_SINCE;
  }

  /** Whether its monitor is told which restart policies take a signal for a stop. */
  get knowsStoppingSignals(): boolean {
    return (this.#monitor?.version ?? 0) >= STOPPING_SIGNALS_SINCE;
  }

  get hasMonitor(): boolean {
    return this.#monitor !== undefined;
  }

  /** Its monitor is gone, and the agent is about to put in order what that has left. */
  get isLost(): boolean {
    return this.#lost;
  }

  get isRunning(): boolean {
    return ['running', 'paused', 'restarting'].includes(this.status);
  }

  get isRemoved(): boolean {
    return this.#removed;
  }

  /** The process of a container that runs. Throws `conflict` for another. */
  get pid(): number {
    const pid = this.#state?.pid;
    if (pid !== undefined && (this.status === 'running' || this.status === 'paused')) return pid;
    throw this.notRunning();
  }

  notRunning(): ProaError {
    return new ProaError(`container ${this.id} is not running`, { kind: 'conflict' });
  }

  /** Runs `operation` when no other that was asked for earlier is under way. */
  exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(operation);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** The same for what needs the container to be there still when its turn comes. Throws `not-found`. */
  whileThere<T>(operation: () => Promise<T>): Promise<T> {
    return this.exclusively(async () => {
      if (this.#removed || this.record.removing)
        throw new ProaError(`No such container: ${this.id}`, { kind: 'not-found' });
      return await operation();
    });
  }

  /**
   * Watches a container whose monitor is there, or is made by `create`, which may keep the connection that it asked by.
   * Throws `unavailable` where none answers. `begin` asks it for more in the same breath.
   */
  async connect(
    create?: (options: ConnectionOptions) => Promise<Connection | undefined>,
    begin: () => Promise<unknown> = async () => {},
  ): Promise<void> {
    let monitor: Connection | undefined;
    const options = {
      onNotice: (notice: Notice) => this.#hear(notice),
      onClose: () => this.#left(monitor),
    };
    monitor = (await create?.(options)) ?? (await Connection.open(this.#monitorPath, options));
    this.#monitor = monitor;
    this.#tellExpecting();
    const early: Notice[] = [];
    this.#early = early;
    let begun: Promise<unknown> | undefined;
    try {
      // Answered in this order: all that happens after the state is told, also in the same breath.
      const asked = [monitor.ask('watch'), monitor.ask<ContainerState>('state')] as const;
      begun = begin();
      begun.catch(() => {});
      const [, state] = await Promise.all(asked);
      this.#state = state;
      this.#lost = false;
      for (const told of this.#monitorWaiters.splice(0)) told();
    } catch (error) {
      monitor[Symbol.dispose]();
      throw error;
    } finally {
      this.#early = undefined;
    }
    for (const notice of early) this.#hear(notice);
    await begun;
  }

  /** Waits until it is known what became of a lost one. Throws `unavailable` where that takes too long. */
  async whenKnown(milliseconds: number): Promise<void> {
    if (!this.#lost) return;
    const patience = AbortSignal.timeout(milliseconds);
    const late = new Promise<never>((_resolve, reject) => {
      const failure = new ProaError(`container ${this.id}: what became of it is not known yet`, {
        kind: 'unavailable',
      });
      patience.addEventListener('abort', () => reject(failure), { once: true });
    });
    await Promise.race([this.nextGone(patience), this.nextMonitor(), late]);
  }

  /** Resolves when it is watched again. */
  nextMonitor(): Promise<void> {
    return new Promise((resolve) => this.#monitorWaiters.push(resolve));
  }

  /** How it ended, as it was recorded. */
  setEnded(state: ContainerState | undefined): void {
    this.#state = state;
    this.#lost = false;
  }

  #hear(notice: Notice): void {
    if (this.#early) {
      this.#early.push(notice);
      return;
    }
    const state = this.#state;
    if (state) applyNotice(state, notice);
    this.#listener.notice(this, notice);
    if (notice.notice === 'exit') this.#tell(this.#endWaiters);
    if (notice.notice === 'exit' && notice['phase'] === 'exited') this.#endForGood();
    // Which checks there were, and where it stands after a start, is too much for a notice.
    if (['start', 'health', 'restart'].includes(notice.notice)) this.refresh().catch(() => {});
  }

  async refresh(): Promise<void> {
    const monitor = this.#monitor;
    if (!monitor) return;
    const state = await monitor.ask<ContainerState>('state');
    if (this.#monitor === monitor) this.#state = state;
  }

  #endForGood(): void {
    // Its monitor hangs up itself: answers may still be on their way, such as that to the start of what ended at once.
    this.#monitor = undefined;
    this.#tell(this.#goneWaiters);
    this.#listener.ended(this);
  }

  #left(monitor: Connection | undefined): void {
    if (!monitor || this.#monitor !== monitor) return;
    this.#monitor = undefined;
    this.lose();
  }

  /** Nobody answers for it: what became of it has to be found out. */
  lose(): void {
    this.#lost = true;
    this.#listener.lost(this);
  }

  #tell(waiters: Set<(exit: ExitRecord | undefined) => void>): void {
    for (const told of [...waiters]) told(this.#state?.exit);
    waiters.clear();
  }

  /** For one whose end nobody heard: lost, or over before it was watched. */
  tellUnheardEnd(): void {
    this.#tell(this.#endWaiters);
    this.#tell(this.#goneWaiters);
  }

  /** Asks its monitor. Throws `conflict` where it has none. */
  async ask<K extends keyof Requests>(ask: K, fields: Requests[K]): Promise<unknown> {
    const monitor = this.#monitor;
    if (!monitor) throw this.notRunning();
    try {
      return await monitor.ask(ask, fields);
    } catch (error) {
      // It has ended meanwhile, and its monitor with it.
      if (this.#monitor !== monitor && kindOf(error) === 'unavailable') throw this.notRunning();
      throw error;
    }
  }

  /** Bytes to and from its program, or one of its sessions. */
  async stream(options: AttachOptions & { exec?: string }): Promise<Socket> {
    if (!this.#monitor) throw this.notRunning();
    const connection = await Connection.open(this.#monitorPath);
    try {
      return await connection.stream(options.exec === undefined ? 'attach' : 'exec-attach', options);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Calls back at the next start, before the program runs: what it writes is not missed. It may not fail. */
  onNextStart(attach: (container: Container) => Promise<void>): Disposable {
    this.#attachWaiters.add(attach);
    this.#tellExpecting();
    return { [Symbol.dispose]: () => this.#attachWaiters.delete(attach) };
  }

  /** Whether at least so many, whoever they are, have attached for its next start and wait for its end. */
  isExpectedBy({ attached, waiting }: Expectation): boolean {
    return this.#attachWaiters.size >= attached && this.#endWaiters.size + this.#goneWaiters.size >= waiting;
  }

  /**
   * Resolves when they have, and where it makes no difference any more: it was started by somebody else, or removed, or the
   * signal came. Throws `conflict` after a few seconds.
   */
  async whenExpectedBy(whom: Expectation, signal: AbortSignal): Promise<void> {
    let look = () => {};
    let patience: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        look = () => {
          if (this.isExpectedBy(whom) || this.hasMonitor || this.#removed || signal.aborted) resolve();
        };
        this.#expecting.add(look);
        signal.addEventListener('abort', look, { once: true });
        // In two steps: where this process has stood still, what came meanwhile is read in between.
        patience = setTimeout(() => {
          patience = setTimeout(() => reject(this.#notExpectedBy(whom)), LATE_MILLISECONDS);
        }, EXPECTED_MILLISECONDS);
        look();
      });
    } finally {
      clearTimeout(patience);
      this.#expecting.delete(look);
      signal.removeEventListener('abort', look);
    }
  }

  #notExpectedBy({ attached, waiting }: Expectation): ProaError {
    const ends = this.#endWaiters.size + this.#goneWaiters.size;
    return new ProaError(
      `container ${this.id} was not started: of ${attached} clients ${this.#attachWaiters.size} attached, and of ${waiting} ${ends} waited for its end`,
      { kind: 'conflict' },
    );
  }

  #tellExpecting(): void {
    for (const look of [...this.#expecting]) look();
  }

  takeAttachWaiters(): ((container: Container) => Promise<void>)[] {
    const waiters = [...this.#attachWaiters];
    this.#attachWaiters.clear();
    return waiters;
  }

  /** The next end; of one that was lost, nobody knows how. */
  nextEnd(signal?: AbortSignal): Promise<ExitRecord | undefined> {
    return new Promise((resolve) => this.#wait(this.#endWaiters, resolve, signal));
  }

  /** The next end that is for good, with no restart after it. */
  nextGone(signal?: AbortSignal): Promise<ExitRecord | undefined> {
    return new Promise((resolve) => this.#wait(this.#goneWaiters, resolve, signal));
  }

  removal(signal?: AbortSignal): Promise<void> {
    if (this.#removed) return Promise.resolve();
    return new Promise((resolve) => this.#wait(this.#removalWaiters, () => resolve(), signal));
  }

  #wait<T extends (...args: never[]) => void>(waiters: Set<T>, told: T, signal?: AbortSignal): void {
    waiters.add(told);
    this.#tellExpecting();
    signal?.addEventListener('abort', () => waiters.delete(told), { once: true });
  }

  tellRemoved(): void {
    this.#removed = true;
    this.#tellExpecting();
    this.tellUnheardEnd();
    for (const told of this.#removalWaiters) told();
    this.#removalWaiters.clear();
  }

  /** Stops listening; the container lives on. */
  leave(): void {
    const monitor = this.#monitor;
    this.#monitor = undefined;
    monitor?.[Symbol.dispose]();
  }
}

/** What a notice changes of the state, at once: whoever reads after an event sees what it told. */
function applyNotice(state: ContainerState, notice: Notice): void {
  switch (notice.notice) {
    case 'start':
      state.phase = 'running';
      state.pid = notice['pid'] as number;
      state.startedAt = notice.at;
      delete state.exit;
      break;
    case 'exit':
      state.exit = notice['exit'] as ExitRecord;
      state.phase = (notice['phase'] as ContainerState['phase'] | undefined) ?? 'exited';
      delete state.pid;
      break;
    case 'pause':
      state.phase = 'paused';
      break;
    case 'resume':
      state.phase = 'running';
      break;
    case 'restart':
      state.restarts = notice['restarts'] as number;
      break;
  }
}
