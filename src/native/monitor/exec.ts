import { kindOf, ProaError } from '#common/errors.ts';
import type { ExitRecord } from '#common/protocol/container.ts';
import { type FailureMessage, failureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import type { ExecRequest, ExecState } from '#common/protocol/monitor.ts';
import { validateProcess } from '#common/runtime-spec/validate.ts';
import type { Loop } from '#loop/loop.ts';
import { execProcess } from '#runtime/exec.ts';
import { ownConsole } from '#runtime/process/console.ts';
import { ContainerDirectory } from '#runtime/state/store.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import type { OwnedFd } from '#sys/fd.ts';
import {
  cloneProcess,
  openProcess,
  SIGKILL,
  setParentDeathSignal,
  signalProcess,
  statusOfReason,
} from '#sys/processes.ts';
import { receiveMessage, sendMessage, socketPair } from '#sys/sockets.ts';
import { timestamp } from '#sys/time.ts';
import type { Reaper } from './reaper.ts';
import type { Made } from './runtime.ts';
import { type Sink, Streams } from './streams.ts';

const silent: Sink = { write() {}, end() {} };

export interface ExecContext {
  loop: Loop;
  reaper: Reaper;
  /** Where the runtime records containers. */
  root: string;
  /** The container that runs now; throws when none does. */
  made(): Made;
}

/** One further process of a container: made, started, ended. Its streams and its size may be had before it runs. */
export class ExecSession {
  readonly id: string;
  readonly streams: Streams;
  readonly ended: Promise<ExitRecord>;
  readonly #request: ExecRequest;
  readonly #context: ExecContext;
  #end: (exit: ExitRecord) => void = () => {};
  #started = false;
  #pid: number | undefined;
  #pidfd: OwnedFd | undefined;
  #exit: ExitRecord | undefined;

  constructor(id: string, request: ExecRequest, context: ExecContext, sink: Sink = silent) {
    this.id = id;
    this.#request = { ...request, process: validateProcess(request.process, { warnings: [] }) };
    this.#context = context;
    const { terminal = false } = request.process;
    this.streams = new Streams(context.loop, { terminal, stdin: request.stdin ? 'once' : 'none', sink });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get state(): ExecState {
    const { args, terminal = false } = this.#request.process;
    const state: ExecState = { exec: this.id, running: this.#pid !== undefined && !this.#exit, args, terminal };
    if (this.#pid !== undefined) state.pid = this.#pid;
    if (this.#exit) state.exit = this.#exit;
    return state;
  }

  get exit(): ExitRecord | undefined {
    return this.#exit;
  }

  /** Resolves with its process id when the program runs. A failure is thrown, and is the session's end too. */
  async start(): Promise<number> {
    if (this.#started) throw new ProaError(`exec "${this.id}" has been started before`, { kind: 'conflict' });
    this.#started = true;
    try {
      const { loop, reaper } = this.#context;
      // The program may end before we have heard its number.
      using _expected = reaper.expectChild();
      const { pid, terminal } = await startByHelper(loop, this.#context, this.#request, this.streams);
      if (terminal) this.streams.takeTerminal(terminal);
      this.#pid = pid;
      this.#pidfd = openProcess(pid);
      reaper.exitOf(pid).then(async (reason) => {
        const exit: ExitRecord = { status: statusOfReason(reason), outOfMemory: false, at: timestamp() };
        if (reason.signal !== undefined) exit.signal = reason.signal;
        await this.#settle(exit);
      });
      return pid;
    } catch (error) {
      const status = kindOf(error) === 'denied' ? 126 : 127;
      await this.#settle({ status, outOfMemory: false, at: timestamp(), failure: failureMessage(error) });
      throw error;
    }
  }

  async #settle(exit: ExitRecord): Promise<void> {
    this.#pidfd?.close();
    this.#pidfd = undefined;
    await this.streams.finish();
    this.#exit = exit;
    this.#end(exit);
  }

  signal(signal: number): void {
    if (!this.#pidfd) throw new ProaError(`exec "${this.id}" is not running`, { kind: 'conflict' });
    signalProcess(this.#pidfd, signal);
  }
}

/**
 * Starts the process through a short-lived copy of this one. That joins the namespaces that only children enter, guides
 * the start, which a container could make last, and is gone when the program runs; the process is our own child all the
 * same. clone(2), CLONE_PARENT.
 */
async function startByHelper(
  loop: Loop,
  context: ExecContext,
  request: ExecRequest,
  streams: Streams,
): Promise<{ pid: number; terminal: OwnedFd | undefined }> {
  const made = context.made();
  const [ours, theirs] = socketPair();
  using answers = ours;
  const helper = cloneProcess({}, () => helpStart(theirs, context, made, request, streams));
  helper.pidfd.close();
  theirs.close();
  streams.closeGiven();
  await loop.ready(answers.number, 'readable');
  const received = receiveMessage(answers);
  if (!received) throw new ProaError('the start was ended by somebody else', { kind: 'unavailable' });
  const answer = JSON.parse(textOf(received.data)) as { pid: number } | { failure: FailureMessage };
  if ('failure' in answer) throw new RemoteFailure(answer.failure);
  return { pid: answer.pid, terminal: received.fds[0] };
}

/** In the helper: its exit status. */
function helpStart(
  answers: OwnedFd,
  context: ExecContext,
  { child, record }: Made,
  { process }: ExecRequest,
  streams: Streams,
): number {
  setParentDeathSignal(SIGKILL);
  const tell = (answer: unknown, fds: number[] = []) => sendMessage(answers, utf8(JSON.stringify(answer)), fds);
  try {
    const console = process.terminal ? ownConsole() : undefined;
    let terminal: OwnedFd | undefined;
    const { pid } = execProcess({
      id: record.id,
      config: keptConfig(context.root, record.id),
      process,
      target: child.pidfd,
      cgroup: record.cgroup,
      console: console?.give,
      onTerminal() {
        terminal = console?.receive();
      },
      pidFile: undefined,
      preserveFds: 0,
      subreaper: false,
      streams: streams.given,
      forParent: true,
      warn: () => {},
    });
    tell({ pid }, terminal ? [terminal.number] : []);
    return 0;
  } catch (error) {
    tell({ failure: failureMessage(error) });
    return 1;
  }
}

function keptConfig(root: string, id: string) {
  using directory = ContainerDirectory.open(root, id);
  return directory.loadConfig();
}
