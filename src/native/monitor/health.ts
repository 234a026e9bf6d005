import type { HealthSettings, HealthStatus } from '#common/protocol/container.ts';
import { after } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { textOf } from '#sys/bytes.ts';
import { monotonicMicroseconds, timestamp } from '#sys/time.ts';
import { type ExecContext, ExecSession } from './exec.ts';
import type { Sink } from './streams.ts';

/** Docker keeps as much of a check's output, and as many checks. */
const OUTPUT_BYTES = 4096;
const KEPT_CHECKS = 5;

export interface HealthOptions {
  loop: Loop;
  settings: HealthSettings;
  context: ExecContext;
  /** Called after each check. */
  changed(health: HealthStatus, turned: boolean): void;
}

/** Runs a program in the container again and again, and judges by it whether the container is well. */
export class HealthChecks implements Disposable {
  readonly #options: HealthOptions;
  readonly #status: HealthStatus = { status: 'starting', failures: 0, checks: [] };
  readonly #began = monotonicMicroseconds();
  #timer: Disposable | undefined;
  #running: ExecSession | undefined;
  #stopped = false;
  #count = 0;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#schedule();
  }

  get status(): HealthStatus {
    return this.#status;
  }

  #schedule(): void {
    const { settings, loop } = this.#options;
    const wait = this.#isStarting() ? settings.startInterval : settings.interval;
    this.#timer = after(loop, wait, () => this.#check());
  }

  /** While the container is frozen no check can succeed, and none is to count. */
  suspend(): void {
    this.#timer?.[Symbol.dispose]();
    this.#running?.kill();
    this.#running = undefined;
  }

  resume(): void {
    if (!this.#stopped) this.#schedule();
  }

  /** Until the first success, and at most for the start period. */
  #isStarting(): boolean {
    const past = (monotonicMicroseconds() - this.#began) / 1000;
    return this.#status.status === 'starting' && past < this.#options.settings.startPeriod;
  }

  async #check(): Promise<void> {
    const { settings, context, loop } = this.#options;
    const start = timestamp();
    const starting = this.#isStarting();
    let output = '';
    const sink: Sink = {
      write(_stream, bytes, length) {
        if (output.length < OUTPUT_BYTES) output += textOf(bytes, Math.min(length, OUTPUT_BYTES - output.length));
      },
      end() {},
    };
    const process = { like: 'container', args: settings.args } as const;
    const session = new ExecSession(`health-${this.#count++}`, process, context, { stdin: false, sink });
    this.#running = session;
    let late = false;
    using _limit = after(loop, settings.timeout, () => {
      late = true;
      session.kill();
    });
    let status = -1;
    try {
      await session.start();
      if (late) session.kill();
      const exit = await session.ended;
      if (!late) status = exit.status;
    } catch (error) {
      // It could not be started: the container may be on its way out.
      output = String(error);
    }
    if (this.#stopped || this.#running !== session) return;
    this.#running = undefined;
    if (late) output = `Health check exceeded timeout (${settings.timeout} ms)`;
    this.#judge({ start, end: timestamp(), status, output }, starting);
    this.#schedule();
  }

  #judge(check: HealthStatus['checks'][number], starting: boolean): void {
    const { settings, changed } = this.#options;
    const health = this.#status;
    const before = health.status;
    health.checks = [...health.checks, check].slice(-KEPT_CHECKS);
    if (check.status === 0) {
      health.failures = 0;
      health.status = 'healthy';
    } else if (!starting) {
      health.failures++;
      if (health.failures >= settings.retries) health.status = 'unhealthy';
    }
    changed(health, health.status !== before);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#running?.kill();
  }
}
