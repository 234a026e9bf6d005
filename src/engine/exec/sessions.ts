import { createHash, randomBytes } from 'node:crypto';
import type { ExecConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { ExitRecord } from '#common/protocol/container.ts';
import type { ExecState } from '#common/protocol/monitor.ts';
import type { Container } from '../containers/container.ts';

export interface ExecSession {
  id: string;
  container: Container;
  config: ExecConfig;
  /** Somebody has begun to start it: nobody else can. */
  isClaimed: boolean;
  /** Its name at the monitor, once it is made there. */
  exec?: string;
  running: boolean;
  pid: number;
  /** Undefined until it has ended. */
  status?: number;
  /** Who waits for that. */
  waiters: Set<() => void>;
}

/** As many of a container that have ended are still told of, and as many may wait for their start. */
const KEPT = 64;

/** Further processes of containers by their id; the monitors have what counts of them. */
export class ExecSessions {
  readonly #byId = new Map<string, ExecSession>();

  create(container: Container, config: ExecConfig): ExecSession {
    const session: ExecSession = {
      id: randomBytes(32).toString('hex'),
      container,
      config,
      isClaimed: false,
      running: false,
      pid: 0,
      waiters: new Set(),
    };
    this.#byId.set(session.id, session);
    this.#forgetOld(container);
    return session;
  }

  /** Throws `not-found`. */
  get(id: string): ExecSession {
    const session = this.#byId.get(id);
    if (session) return session;
    throw new ProaError(`No such exec instance: ${id}`, { kind: 'not-found' });
  }

  of(container: Container): ExecSession[] {
    return [...this.#byId.values()].filter((session) => session.container === container);
  }

  /** Those that an engine before this one has started. Earlier ones had not told the monitor their ids: they get others. */
  async adopt(container: Container): Promise<void> {
    const states = (await container.ask('exec-list', {})) as ExecState[];
    for (const { exec, running, pid = 0, exit, args, terminal } of states) {
      const id = /^[0-9a-f]{64}$/.test(exec)
        ? exec
        : createHash('sha256').update(`${container.id}/${container.state?.monitor.pid}/${exec}`).digest('hex');
      this.#byId.set(id, {
        id,
        container,
        config: { Cmd: args, Tty: terminal },
        isClaimed: true,
        exec,
        running,
        pid,
        waiters: new Set(),
        ...(exit && { status: exit.status }),
      });
    }
  }

  ended(container: Container, exec: string, exit: ExitRecord): void {
    const session = this.of(container).find((one) => one.exec === exec);
    if (!session) return;
    session.running = false;
    // Of one that could not be started, what its failure says counts.
    session.status ??= exit.status;
    tellEnd(session);
  }

  /** Its end; that of its container is one. */
  end(session: ExecSession): Promise<void> {
    if (session.status !== undefined || !this.#byId.has(session.id)) return Promise.resolve();
    return new Promise((resolve) => session.waiters.add(resolve));
  }

  forget(container: Container): void {
    for (const session of this.of(container)) {
      this.#byId.delete(session.id);
      tellEnd(session);
    }
  }

  #forgetOld(container: Container): void {
    const sessions = this.of(container);
    const over = sessions.filter(({ status }) => status !== undefined);
    // Whoever made it may have gone without starting it.
    const waiting = sessions.filter(({ isClaimed, status }) => !isClaimed && status === undefined);
    for (const { id } of [...over.slice(0, -KEPT), ...waiting.slice(0, -KEPT)]) this.#byId.delete(id);
  }
}

function tellEnd({ waiters }: ExecSession): void {
  for (const told of waiters) told();
  waiters.clear();
}
