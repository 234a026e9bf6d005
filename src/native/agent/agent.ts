import { describe, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { after, onSignals } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { clearAside, containersDirectory, type Roots, thisProcess } from '#native/monitor/directories.ts';
import { protectKeepers } from '#native/monitor/oom-score.ts';
import { recoverContainer } from '#native/monitor/recover.ts';
import { prepareNamespaces } from '#runtime/namespaces/prepared.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { EAGAIN, ECONNRESET, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPIPE } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { closeAllBut, type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { makeDirectories, openDirectory, removeFile, renameFile, tryLockFile, writeAll } from '#sys/files.ts';
import { deepenStack, shareMemory } from '#sys/memory.ts';
import { cloneProcess, type ExitReason, reapOne, SIGCHLD, SIGKILL, setParentDeathSignal } from '#sys/processes.ts';
import { chdir, umask } from '#sys/raw/file.ts';
import { getpid, getppid, setsid } from '#sys/raw/process.ts';
import { blockAllSignals, resetSignalActions, SIGINT, SIGTERM } from '#sys/signals.ts';
import { acceptConnectionIfAny, listenUnix, receiveMessage, sendMessage, shortPath, socketPair } from '#sys/sockets.ts';
import { monotonicMicroseconds, sleepMilliseconds } from '#sys/time.ts';
import { leaveCallersCgroup, removeOwnCgroup } from './own-cgroup.ts';
import { Recoveries } from './recoveries.ts';
import { PATIENCE_SECONDS, serveConnection } from './request.ts';
import { MonitorWatch } from './watch.ts';

/** Parts of a start that containers usually need: loaded once, before the first of them is forked. */
const warmParts = ['cgroups-v1-limits', 'cgroups-v1-oom', 'cgroups-v2', 'cgroups-v2-oom', 'oom', 'log'];

/** Time to wait where descriptors, processes or memory have run out. */
const SHORTAGE_MILLISECONDS = 50;

/** How long the next child waits for the last one to be done, where nobody asks for it: a fork beside a start slows that. */
const QUIET_MILLISECONDS = 50;

/** How long after a child's first start the next is forked: a program that ends soon would share the processor with the fork. */
const SETTLED_MILLISECONDS = 20;

/**
 * Has a child ready for the next connection, forked before anything is read: what a request holds, and what goes wrong
 * with it, stays in the child, which becomes the container's monitor. Runs until SIGTERM or SIGINT; monitors live on.
 */
export function runAgent(roots: Roots): number {
  blockAllSignals(true);
  resetSignalActions();
  // It belongs to nobody's session, directory or mask. A leader of a process group has no session to leave by.
  setsid();
  chdir('/');
  umask(0o022);
  makeDirectories(containersDirectory(roots), 0o711);
  makeDirectories(roots.state, 0o711);
  using directory = openDirectory(roots.run);
  if (!tryLockFile(directory, roots.run)) {
    throw new ProaError(`another agent serves "${roots.run}"`, {
      kind: 'conflict',
      remedy: 'Stop that one first, or choose another directory with --run',
    });
  }
  clearAside(roots);
  protectKeepers();
  for (const failure of leaveCallersCgroup()) writeAll(2, `proa-agent: stays in its cgroup: ${failure}\n`);
  removeFile('agent.new', directory.number);
  // Under its name only when it listens: whoever finds it is not refused.
  using listener = listenUnix(shortPath(directory, 'agent.new'));
  renameFile(shortPath(directory, 'agent.new'), shortPath(directory, 'agent'));
  for (const name of warmParts) lazy<unknown>(name)();
  shareMemory();
  serve(listener, roots);
  removeFile('agent', directory.number);
  removeOwnCgroup();
  return 0;
}

function serve(listener: OwnedFd, roots: Roots): void {
  using loop = new Loop();
  let stopped = false;
  let looking = true;
  const look = () => {
    looking = true;
  };
  const recoveries = new Recoveries(milliseconds);
  using watch = new MonitorWatch(loop, roots, { lost: (id) => recoveries.add(id), ended: look });
  using _signals = onSignals(loop, [SIGCHLD, SIGTERM, SIGINT], (signal) => {
    if (signal !== SIGCHLD) stopped = true;
  });
  using next = new NextChild(loop, listener, roots);
  // By then all who asked an earlier agent have their monitors.
  using _late = after(loop, (PATIENCE_SECONDS + 1) * 1000, look);
  while (!stopped) {
    // Nothing is pending up here, and nothing of the loop is used by the children.
    const room = whereRoom(() => {
      if (looking) watch.look();
      looking = false;
      recoveries.begin((id, failures) => fork(() => recoverContainer(roots, id, failures)));
      next.make();
    });
    loop.turn(room ? sooner(recoveries.wait, next.wait) : 0);
    reap((pid, reason) => {
      const success = reason.code === 0;
      next.ended(pid);
      // Others that end well have put everything in order; while a container is recovered, nobody looks after its id.
      if (recoveries.ended(pid, success) || !success) looking = true;
    });
  }
}

/**
 * The child that takes the next connection: forked before there is one, so that nobody waits for the fork. It says when it
 * has taken one, and when it has nothing urgent to do any more: soon after that another is made, or at once where somebody
 * waits for it.
 */
class NextChild implements Disposable {
  readonly #loop: Loop;
  readonly #listener: OwnedFd;
  readonly #roots: Roots;
  readonly #hears: OwnedFd;
  readonly #tell: OwnedFd;
  readonly #heard: Disposable;
  #asked: Disposable | undefined;
  #pid: number | undefined;
  /** When it is to be made, where there is none. */
  #due = 0;

  constructor(loop: Loop, listener: OwnedFd, roots: Roots) {
    this.#loop = loop;
    this.#listener = listener;
    this.#roots = roots;
    [this.#hears, this.#tell] = socketPair();
    setNonblocking(this.#hears);
    this.#heard = loop.watch(this.#hears.number, 'readable', () => this.#hear());
  }

  /** Milliseconds until it is to be made; -1 where it is there. */
  get wait(): number {
    return this.#pid === undefined ? Math.max(0, Math.ceil(this.#due - milliseconds())) : -1;
  }

  make(): void {
    if (this.wait !== 0) return;
    this.#asked?.[Symbol.dispose]();
    this.#asked = undefined;
    const agent = getpid();
    this.#pid = fork(() => takeConnection(agent, this.#listener, this.#tell, this.#roots));
  }

  /** Whether it has taken its connection. */
  #hear(): boolean {
    let taken = false;
    for (let said = receiveMessage(this.#hears); said; said = receiveMessage(this.#hears)) {
      if (textOf(said.data) !== 'taken') this.#due = Math.min(this.#due, milliseconds() + SETTLED_MILLISECONDS);
      else taken = true;
    }
    if (taken && this.#pid !== undefined) {
      this.#pid = undefined;
      this.#due = milliseconds() + QUIET_MILLISECONDS;
      this.#asked = this.#loop.watch(this.#listener.number, 'readable', () => {
        this.#due = 0;
      });
    }
    return taken;
  }

  /** Some child has. Where it had no connection yet, the next might do the same at once. */
  ended(child: number): void {
    const waited = this.#pid === child;
    if (waited && !this.#hear()) {
      this.#pid = undefined;
      sleepMilliseconds(SHORTAGE_MILLISECONDS);
    }
    this.#due = 0;
  }

  [Symbol.dispose](): void {
    this.#asked?.[Symbol.dispose]();
    this.#heard[Symbol.dispose]();
    this.#hears.close();
    this.#tell.close();
  }
}

const milliseconds = () => monotonicMicroseconds() / 1000;

/** Of two times to wait, of which -1 is for ever. */
function sooner(one: number, other: number): number {
  return Math.min(one, other) < 0 ? Math.max(one, other) : Math.min(one, other);
}

/** In the child that waits: it holds nothing of the agent's that another agent would want, and goes with it. */
function takeConnection(agent: number, listener: OwnedFd, line: OwnedFd, roots: Roots): number {
  setParentDeathSignal(SIGKILL);
  // It may be gone already.
  if (getppid() !== agent) return 0;
  // Of the agent nothing stays open, its lock, its loop and the connections of others among it.
  closeAllBut([listener.number, line.number]);
  deepenStack();
  prepareNamespaces();
  thisProcess();
  let connection: OwnedFd | undefined;
  while (!connection) {
    whereRoom(() => {
      connection = acceptConnectionIfAny(listener, { nonblocking: false });
    });
  }
  setParentDeathSignal(0);
  listener.close();
  tell(line, 'taken');
  return serveConnection(connection, roots, () => {
    tell(line, 'settled');
    line.close();
  });
}

function tell(line: OwnedFd, what: 'taken' | 'settled'): void {
  try {
    sendMessage(line, utf8(what));
  } catch (error) {
    // The agent is gone, and nobody makes another.
    if (!isErrno(error, EPIPE, ECONNRESET)) throw error;
  }
}

/**
 * Whether `body` found descriptors, processes and memory enough. Where not, what is left of it is to be done again, and a
 * while has passed in which others may have given some back.
 */
function whereRoom(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (!isErrno(error, EMFILE, ENFILE, EAGAIN, ENOMEM, ENOBUFS)) throw error;
    sleepMilliseconds(SHORTAGE_MILLISECONDS);
    return false;
  }
}

function fork(body: () => number): number {
  const child = cloneProcess({}, body);
  child.pidfd.close();
  return child.pid;
}

function reap(ended: (pid: number, reason: ExitReason) => void): void {
  for (let child = reapOne(); child; child = reapOne()) ended(child.pid, child.reason);
}

/** For the log of whoever started the agent. */
export function agentFailure(error: unknown): string {
  return `proa-agent: ${describe(error)}\n`;
}
