import { ProaError } from '#common/errors.ts';
import type { ExitRecord } from '#common/protocol/container.ts';
import type { FrameReader } from '#common/protocol/frames.ts';
import type { Question, Requests } from '#common/protocol/monitor.ts';
import { validateProcess } from '#common/runtime-spec/validate.ts';
import { every } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { openDirectory, removeFile } from '#sys/files.ts';
import { acceptConnectionIfAny, listenUnix, shortPath } from '#sys/sockets.ts';
import { Connection, type ConnectionEvents, type Reply } from './connection.ts';
import type { Container } from './container.ts';
import { type ExecContext, ExecSession } from './exec.ts';
import { containerStats } from './stats.ts';

/** Ended exec sessions that are still told of. */
const KEPT_SESSIONS = 16;
/** Exec sessions that wait for their start: each holds six descriptors, and who made it may have been killed. */
const WAITING_SESSIONS = 64;

type Handlers = {
  [K in keyof Requests]: (request: Requests[K], connection: Connection) => Reply | Promise<Reply>;
};

/** The control socket of one container: everything that an engine asks of a monitor. */
export class Service implements Disposable {
  readonly #loop: Loop;
  readonly #container: Container;
  readonly #context: ExecContext;
  readonly #listener: OwnedFd;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<string, ExecSession>();
  #sessionCount = 0;

  constructor(loop: Loop, container: Container, context: ExecContext) {
    this.#loop = loop;
    this.#container = container;
    this.#context = context;
    using directory = openDirectory(container.files.run);
    removeFile('monitor', directory.number);
    this.#listener = listenUnix(shortPath(directory, 'monitor'));
    setNonblocking(this.#listener);
    loop.watch(this.#listener.number, 'readable', () => this.#accept());
  }

  #accept(): void {
    const fd = acceptConnectionIfAny(this.#listener, { nonblocking: true });
    if (fd) this.#connections.add(new Connection(this.#loop, fd, this.#events));
  }

  /** Goes on with somebody who has been greeted, and who may have asked more already. */
  serve(fd: OwnedFd, frames: FrameReader): void {
    setNonblocking(fd);
    this.#connections.add(new Connection(this.#loop, fd, this.#events, frames));
  }

  readonly #events: ConnectionEvents = {
    ask: (question, connection) => this.#ask(question, connection),
    closed: (connection) => this.#connections.delete(connection),
  };

  async #ask(question: Question, connection: Connection): Promise<Reply> {
    const handler = this.#handlers[question.ask] as (request: Question, connection: Connection) => Reply;
    try {
      return await handler(question, connection);
    } catch (error) {
      const { runs } = this.#container;
      throw runs.hasLost(error) ? runs.notRunning() : error;
    }
  }

  readonly #handlers: Handlers = {
    state: () => ({ answer: this.#container.state }),
    watch: (_request, connection) => {
      connection.own(this.#container.notices.watch((notice) => connection.send(notice)));
      return done;
    },
    start: async ({ attached = 0 }) => {
      if (attached > 0 && this.#container.state.phase === 'created')
        await this.#container.runs.streams.whenAttached(attached);
      await this.#container.runs.start();
      return { answer: { pid: this.#container.state.pid } };
    },
    stop: async (request) => ({ answer: await this.#container.stop(request) }),
    kill: async ({ signal, all = false, stops }) => {
      if (stops) await this.#container.signal(signal, { all, stops });
      else await this.#container.kill(signal, { all });
      return done;
    },
    pause: async () => {
      await this.#container.pausing.pause();
      return done;
    },
    resume: async () => {
      await this.#container.pausing.resume();
      return done;
    },
    update: async ({ resources, restart }) => {
      if (resources) await this.#container.changeResources(resources);
      if (restart) this.#container.changeRestart(restart);
      return done;
    },
    checkpoint: async ({ directory, leaveRunning = false }) => {
      await this.#container.checkpoint(directory, leaveRunning);
      return done;
    },
    wait: ({ condition = 'ended' }, connection) =>
      told(connection, (tell) => this.#container.runs.when(condition, tell)),
    resize: (size) => {
      this.#container.runs.streams.resize(size);
      return done;
    },
    attach: (options) => {
      const { streams } = this.#container.runs;
      return { takeOver: (connection, early) => streams.attach(connection, options, early) };
    },
    stats: ({ interval }, connection) => {
      const stats = () => containerStats(this.#container.runs.made);
      if (interval === undefined) return { answer: stats() };
      const first = stats();
      const timer = every(this.#loop, interval, () => {
        if (this.#container.state.phase === 'running') connection.send({ stats: stats() });
      });
      connection.own(timer);
      return { answer: first };
    },
    'reopen-log': () => {
      this.#container.reopenLog();
      return done;
    },
    remove: async (_request, connection) => {
      const { phase } = this.#container.state;
      if (phase !== 'exited') await this.#container.stop({ graceSeconds: 0 });
      await told(connection, (tell) => this.#container.runs.when('cleaned', tell));
      return done;
    },
    exec: (request) => {
      const process = validateProcess(request.process, { warnings: [] });
      const name = request.exec ?? `${++this.#sessionCount}`;
      if (this.#sessions.has(name)) throw new ProaError(`exec "${name}" is there already`, { kind: 'conflict' });
      const session = new ExecSession(name, process, this.#context, { stdin: request.stdin });
      this.#sessions.set(session.id, session);
      this.#giveUpOld();
      session.ended.then((exit) => {
        this.#container.notices.tell('exec-exit', { exec: session.id, exit });
        this.#forgetOld();
      });
      return { answer: { exec: session.id } };
    },
    'exec-start': async ({ exec, attached = 0 }) => {
      const session = this.#session(exec);
      await session.streams.whenAttached(attached);
      const pid = await this.#container.pausing.startExec(() => session.start());
      this.#container.notices.tell('exec-start', { exec, pid });
      return { answer: { pid } };
    },
    'exec-attach': ({ exec, ...options }) => {
      const { streams } = this.#session(exec);
      return { takeOver: (connection, early) => streams.attach(connection, options, early) };
    },
    'exec-list': () => ({ answer: [...this.#sessions.values()].map(({ state }) => state) }),
    'exec-wait': ({ exec }, connection) => told(connection, (tell) => this.#session(exec).whenEnded(tell)),
    'exec-signal': ({ exec, signal }) => {
      this.#session(exec).signal(signal);
      return done;
    },
    'exec-resize': ({ exec, rows, columns }) => {
      this.#session(exec).streams.resize({ rows, columns });
      return done;
    },
  };

  #session(exec: string): ExecSession {
    const session = this.#sessions.get(exec);
    if (!session)
      throw new ProaError(`no exec "${exec}" in container "${this.#container.request.id}"`, { kind: 'not-found' });
    return session;
  }

  #giveUpOld(): void {
    const waiting = [...this.#sessions.values()].filter(({ isWaiting }) => isWaiting);
    for (const session of waiting.slice(0, -WAITING_SESSIONS)) session.giveUp();
  }

  /** The oldest that have ended go: a monitor lives for years. */
  #forgetOld(): void {
    const ended = [...this.#sessions.values()].filter(({ exit }) => exit);
    for (const session of ended.slice(0, -KEPT_SESSIONS)) this.#sessions.delete(session.id);
  }

  /** Sends the answers that are under way; resolves when all askers have read them and closed. */
  async hangUp(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => new Promise<void>((gone) => connection.hangUp(gone))));
  }

  [Symbol.dispose](): void {
    this.#loop.forget(this.#listener.number);
    this.#listener.close();
    for (const connection of [...this.#connections]) connection.close();
  }
}

const done: Reply = { answer: {} };

/** The answer is an end that is still to come. An asker that has gone is not waited with. */
function told(connection: Connection, wait: (tell: (exit: ExitRecord) => void) => Disposable): Promise<Reply> {
  return new Promise((resolve) => connection.own(wait((answer) => resolve({ answer }))));
}
