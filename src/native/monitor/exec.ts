import { kindOf, ProaError } from '#common/errors.ts';
import type { ExitRecord } from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import type { ExecState } from '#common/protocol/monitor.ts';
import type { Loop } from '#loop/loop.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { SIGKILL, signalProcess, statusOfReason } from '#sys/processes.ts';
import { timestamp } from '#sys/time.ts';
import { execInContainer, type Made } from './made.ts';
import type { Reaper } from './reaper.ts';
import type { ExecProcess, RuntimeDriver } from './runtimes/driver.ts';
import { type Sink, Streams } from './streams.ts';
import { nothing, Waiters } from './waiters.ts';

const silent: Sink = { write() {}, end() {} };

export interface ExecContext {
  loop: Loop;
  reaper: Reaper;
  driver: RuntimeDriver;
  /** The container that runs now; throws when none does. */
  made(): Made;
}

export interface ExecOptions {
  stdin: boolean;
  sink?: Sink;
}

/** One further process of a container: made, started, ended. Its streams and its size may be had before it runs. */
export class ExecSession {
  readonly id: string;
  readonly streams: Streams;
  readonly ended: Promise<ExitRecord>;
  readonly #process: ExecProcess;
  readonly #context: ExecContext;
  #end: (exit: ExitRecord) => void = () => {};
  #started = false;
  #pid: number | undefined;
  #pidfd: OwnedFd | undefined;
  #exit: ExitRecord | undefined;
  #endHelper: (() => void) | undefined;
  readonly #waiting = new Waiters<ExitRecord>();

  constructor(id: string, process: ExecProcess, context: ExecContext, { stdin, sink = silent }: ExecOptions) {
    this.id = id;
    this.#process = process;
    this.#context = context;
    this.streams = new Streams(context.loop, { stdin: stdin ? 'once' : 'none', sink });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get state(): ExecState {
    const process = this.#process;
    const terminal = 'terminal' in process && process.terminal === true;
    const running = this.#pid !== undefined && !this.#exit;
    const state: ExecState = { exec: this.id, running, args: process.args, terminal };
    if (this.#pid !== undefined) state.pid = this.#pid;
    if (this.#exit) state.exit = this.#exit;
    return state;
  }

  get isWaiting(): boolean {
    return !this.#started;
  }

  get exit(): ExitRecord | undefined {
    return this.#exit;
  }

  /** Resolves with its process id when the program runs. A failure is thrown, and is the session's end too. */
  async start(): Promise<number> {
    if (this.#started) throw new ProaError(`exec "${this.id}" has been started before`, { kind: 'conflict' });
    this.#started = true;
    try {
      const { loop, reaper, driver } = this.#context;
      // The program may end before we have heard its number.
      using _expected = reaper.expectChild();
      const made = this.#context.made();
      const { pid, pidfd } = await execInContainer(loop, driver, made, this.#process, this.streams, {
        begun: (end) => {
          this.#endHelper = end;
        },
      });
      this.#endHelper = undefined;
      this.#pid = pid;
      this.#pidfd = pidfd;
      reaper.exitOf(pid).then(async (reason) => {
        const exit: ExitRecord = { status: statusOfReason(reason), outOfMemory: false, at: timestamp() };
        if (reason.signal !== undefined) exit.signal = reason.signal;
        await this.#settle(exit);
      });
      return pid;
    } catch (error) {
      this.#endHelper = undefined;
      const status = kindOf(error) === 'denied' ? 126 : 127;
      await this.#settle({ status, outOfMemory: false, at: timestamp(), failure: failureMessage(error) });
      throw error;
    }
  }

  /** Nobody has started it, and nobody can any more. */
  giveUp(): void {
    this.#started = true;
    const failure = failureMessage(new ProaError(`exec "${this.id}" was given up: others wait`, { kind: 'conflict' }));
    this.#settle({ status: 127, outOfMemory: false, at: timestamp(), failure });
  }

  async #settle(exit: ExitRecord): Promise<void> {
    this.#pidfd?.close();
    this.#pidfd = undefined;
    this.streams.closeGiven();
    await this.streams.finish();
    this.#exit = exit;
    this.#end(exit);
    this.#waiting.tell(exit);
  }

  /** Tells its end, unless disposed before. */
  whenEnded(told: (exit: ExitRecord) => void): Disposable {
    if (!this.#exit) return this.#waiting.add(told);
    told(this.#exit);
    return nothing;
  }

  signal(signal: number): void {
    if (!this.#pidfd) throw new ProaError(`exec "${this.id}" is not running`, { kind: 'conflict' });
    signalProcess(this.#pidfd, signal);
  }

  /** Ends it, where it has not ended, also while it is being started. Its streams may be open for longer. */
  kill(): void {
    this.#endHelper?.();
    if (this.#pidfd) signalProcess(this.#pidfd, SIGKILL);
  }
}
