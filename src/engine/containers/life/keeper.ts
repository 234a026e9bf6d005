import { readFile } from 'node:fs/promises';
import { describe } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import type { ContainerState, ExitRecord } from '#common/protocol/container.ts';
import type { Notice } from '#common/protocol/monitor.ts';
import type { Engine } from '../../core/engine.ts';
import { isCode } from '../../images/content/errors.ts';
import type { Container, ContainerListener } from '../container.ts';
import { containerAttributes } from './attributes.ts';
import { refreshJoined } from './joined.ts';
import { removeContainer } from './remove.ts';

/** How long to look for what became of a container whose monitor is gone, and how often. */
const LOOK_MILLISECONDS = 60_000;
const PAUSE_MILLISECONDS = 50;

/** Follows all containers: tells what happens to them, and does what is to be done when one has ended. */
export class ContainerKeeper implements ContainerListener {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  tell(container: Container, action: string, more: Record<string, string> = {}): void {
    this.#engine.events.emit('container', action, container.id, { ...containerAttributes(container.record), ...more });
  }

  notice(container: Container, notice: Notice): void {
    this.#notices[notice.notice]?.(container, notice);
  }

  readonly #notices: { [name in Notice['notice']]?: (container: Container, notice: Notice) => void } = {
    start: (container) => {
      this.tell(container, 'start');
      refreshJoined(this.#engine, container).catch((error) => this.#trouble(container, 'rewrite bundles', error));
    },
    exit: (container, notice) => {
      const exit = notice['exit'] as ExitRecord;
      if (exit.outOfMemory) this.tell(container, 'oom');
      this.tell(container, 'die', { exitCode: String(exit.status), execDuration: String(secondsRun(container, exit)) });
    },
    pause: (container) => this.tell(container, 'pause'),
    resume: (container) => this.tell(container, 'unpause'),
    health: (container, { status }) => this.tell(container, `health_status: ${status}`),
    'exec-exit': (container, { exec, exit }) => this.#engine.execs.ended(container, exec as string, exit as ExitRecord),
    trouble: (container, { what, failure }) => this.#trouble(container, String(what), String(failure)),
  };

  ended(container: Container): void {
    this.#engine.execs.forget(container);
    this.releaseVolumes(container);
    const kept = container.keepOnce;
    container.keepOnce = false;
    if (kept || !container.record.host.AutoRemove || container.record.removing) return;
    container
      .exclusively(() => removeContainer(this.#engine, container, { volumes: true }))
      .catch((error) => this.#trouble(container, 'remove it', error));
  }

  /** Never fails: what is left mounted is unmounted after its next use, when it is removed, or by the next engine. */
  async releaseVolumes(container: Container): Promise<void> {
    try {
      await this.#engine.volumes.mounts.release(container.id);
    } catch (error) {
      this.#trouble(container, 'release its volumes', error);
    }
  }

  /** The agent puts in order what a lost monitor has left: until then nobody knows. */
  lost(container: Container): void {
    this.#findOut(container).catch((error) => this.#trouble(container, 'find out what became of it', error));
  }

  async #findOut(container: Container): Promise<void> {
    for (const end = Date.now() + LOOK_MILLISECONDS; Date.now() < end; ) {
      if (container.isRemoved || container.hasMonitor) return;
      if (!(await this.#engine.monitored()).includes(container.id)) return await this.#overUnheard(container);
      try {
        await container.connect();
        return;
      } catch {
        // The agent may be gone too: it is started again.
        await this.#engine.agent.list();
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
      }
    }
    this.#trouble(container, 'find out what became of it', 'no agent has put it in order');
  }

  async #overUnheard(container: Container): Promise<void> {
    const before = container.state?.phase;
    container.setEnded(await this.endOf(container.id));
    const status = container.state?.exit?.status ?? 255;
    if (before !== 'exited') this.tell(container, 'die', { exitCode: String(status) });
    container.tellUnheardEnd();
    this.ended(container);
  }

  /** How a container ended, as the agent or its monitor has recorded it; undefined where nothing is kept. */
  async endOf(id: string): Promise<ContainerState | undefined> {
    try {
      return parseJson(await readFile(this.#engine.endRecord(id), 'utf8')) as ContainerState;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  #trouble(container: Container, what: string, error: unknown): void {
    process.stderr.write(
      `proad: container ${container.name}: cannot ${what}: ${typeof error === 'string' ? error : describe(error)}\n`,
    );
  }
}

function secondsRun({ state }: Container, { at }: ExitRecord): number {
  const started = state?.startedAt;
  return started === undefined ? 0 : Math.max(0, Math.round((Date.parse(at) - Date.parse(started)) / 1000));
}
