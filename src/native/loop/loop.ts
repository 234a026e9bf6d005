import { EEXIST, ENOENT } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { runJobs } from '#sys/jobs.ts';
import * as raw from '#sys/raw/wait.ts';

/**
 * What a descriptor can be waited for; `urgent`: a change of a file of the kernel's, poll(2), POLLPRI; `gone`: the other side
 * is closed for both directions.
 */
export type Interest = 'readable' | 'writable' | 'urgent' | 'gone';

/** Hears of a descriptor's readiness until it is disposed. An end or error of the other side counts as readiness. */
export interface Watch extends Disposable {
  readonly fd: number;
}

type Watched = Record<Interest, Set<Hearer>>;

/** What hears often holds the watch, which may live on: the way back ends with the watching, and no cycle is left. */
interface Hearer {
  heard: (() => void) | undefined;
}

export interface LoopOptions {
  /** Gets what is thrown by who hears. Default: the turn throws it. */
  failed?(error: unknown): void;
  /** Called when nothing has happened for a second, and again only after something has. */
  idle?(): void;
}

const MAXIMUM_EVENTS = 64;
const IDLE_MILLISECONDS = 1000;

/**
 * Waits for descriptors with epoll(7) and runs what hears of them; everything asynchronous of a program hangs on one
 * loop. Level-triggered: what is not consumed is told again.
 */
export class Loop implements Disposable {
  readonly #epoll: OwnedFd;
  readonly #watched = new Map<number, Watched>();
  readonly #options: LoopOptions;
  readonly #later: (() => void)[] = [];
  #wasIdle = false;
  readonly #events = new Uint8Array(MAXIMUM_EVENTS * raw.epollEventSize);

  constructor(options: LoopOptions = {}) {
    this.#options = options;
    this.#epoll = owned(raw.epoll_create1(raw.EPOLL_CLOEXEC), 'epoll_create1');
  }

  /** Runs `main` and returns what it resolves to; the loop turns until then. A rejection is thrown. */
  run<T>(main: () => Promise<T>): T {
    let outcome: { value: T } | { error: unknown } | undefined;
    main().then(
      (value) => {
        outcome = { value };
      },
      (error) => {
        outcome = { error };
      },
    );
    for (;;) {
      runJobs();
      // Read again after each turn: promises settle in runJobs().
      const settled = outcome as { value: T } | { error: unknown } | undefined;
      if (settled) {
        if ('error' in settled) throw settled.error;
        return settled.value;
      }
      if (this.#watched.size === 0) throw new RangeError('the program waits for something that nothing will bring');
      this.#turnOrRest();
    }
  }

  #turnOrRest(): void {
    const { idle } = this.#options;
    const resting = this.#wasIdle || !idle;
    const happened = this.turn(resting ? -1 : IDLE_MILLISECONDS);
    this.#wasIdle = !happened;
    if (!happened) idle?.();
  }

  /** Waits once, at most `milliseconds` (default: for as long as it takes), and runs what hears of it; whether anything was. */
  turn(milliseconds = -1): boolean {
    this.#catchUp();
    const count = check(
      uninterrupted(() => raw.epoll_pwait(this.#epoll.number, this.#events, MAXIMUM_EVENTS, milliseconds)),
      'epoll_pwait',
    );
    const view = new DataView(this.#events.buffer);
    for (let index = 0; index < count; index++) {
      const at = index * raw.epollEventSize;
      const events = view.getUint32(at, true);
      const ended = (events & (raw.EPOLLHUP | raw.EPOLLERR)) !== 0;
      // What an earlier one of this turn has stopped watching is not told.
      const watched = this.#watched.get(view.getInt32(at + raw.epollDataOffset, true));
      if (!watched) continue;
      if (ended || events & raw.EPOLLIN) this.#tell(watched.readable);
      if (ended || events & raw.EPOLLOUT) this.#tell(watched.writable);
      if (events & raw.EPOLLPRI) this.#tell(watched.urgent);
      if (ended) this.#tell(watched.gone);
    }
    runJobs();
    return count > 0;
  }

  /** Runs `task` once, when all that is under way has come to wait: what it does delays nobody's answer. */
  later(task: () => void): void {
    this.#later.push(task);
  }

  #catchUp(): void {
    for (let tasks = this.#later.splice(0); tasks.length > 0; tasks = this.#later.splice(0)) {
      for (const task of tasks) this.#attempt(task);
      runJobs();
    }
  }

  #tell(hearers: Set<Hearer>): void {
    for (const { heard } of [...hearers]) if (heard) this.#attempt(heard);
  }

  #attempt(task: () => void): void {
    try {
      task();
    } catch (error) {
      if (!this.#options.failed) throw error;
      this.#options.failed(error);
    }
  }

  /** Calls `heard` each time the descriptor is ready. Stop before closing it: its number may be given out again. */
  watch(fd: number, interest: Interest, heard: () => void): Watch {
    let watched = this.#watched.get(fd);
    if (!watched) {
      watched = { readable: new Set(), writable: new Set(), urgent: new Set(), gone: new Set() };
      this.#watched.set(fd, watched);
    }
    const list = watched[interest];
    const hearer: Hearer = { heard };
    list.add(hearer);
    try {
      this.#update(fd, watched);
    } catch (error) {
      // Such as EPERM for a regular file: nothing is waited for.
      list.delete(hearer);
      if (Object.values(watched).every(({ size }) => size === 0)) this.#watched.delete(fd);
      throw error;
    }
    return {
      fd,
      [Symbol.dispose]: () => {
        hearer.heard = undefined;
        if (list.delete(hearer)) this.#update(fd, watched);
      },
    };
  }

  /** Stops all watching of a descriptor that is about to be closed. */
  forget(fd: number): void {
    const watched = this.#watched.get(fd);
    if (!watched) return;
    for (const list of [watched.readable, watched.writable, watched.urgent, watched.gone]) {
      for (const hearer of list) hearer.heard = undefined;
      list.clear();
    }
    this.#update(fd, watched);
  }

  /** Resolves when the descriptor can be read from (or its other side is gone), or written to. */
  ready(fd: number, interest: Interest): Promise<void> {
    return new Promise((resolve) => {
      const watch = this.watch(fd, interest, () => {
        watch[Symbol.dispose]();
        resolve();
      });
    });
  }

  #update(fd: number, { readable, writable, urgent, gone }: Watched): void {
    // Of an end or error the kernel tells without being asked.
    const bits =
      (readable.size > 0 ? raw.EPOLLIN : 0) |
      (writable.size > 0 ? raw.EPOLLOUT : 0) |
      (urgent.size > 0 ? raw.EPOLLPRI : 0);
    if (bits === 0 && gone.size === 0) {
      this.#watched.delete(fd);
      const result = raw.epoll_ctl(this.#epoll.number, raw.EPOLL_CTL_DEL, fd, null);
      // Closed too early: the kernel has forgotten it, and so do we.
      if (result !== -ENOENT && result !== -9) check(result, 'epoll_ctl', `fd ${fd}`);
      return;
    }
    const event = new Uint8Array(raw.epollEventSize);
    const view = new DataView(event.buffer);
    view.setUint32(0, bits, true);
    view.setInt32(raw.epollDataOffset, fd, true);
    const added = raw.epoll_ctl(this.#epoll.number, raw.EPOLL_CTL_ADD, fd, event);
    if (added === -EEXIST)
      check(raw.epoll_ctl(this.#epoll.number, raw.EPOLL_CTL_MOD, fd, event), 'epoll_ctl', `fd ${fd}`);
    else check(added, 'epoll_ctl', `fd ${fd}`);
  }

  [Symbol.dispose](): void {
    this.#watched.clear();
    this.#epoll.close();
  }
}
