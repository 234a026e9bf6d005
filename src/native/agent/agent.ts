import { describe, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { after, onSignals } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { clearAside, containersDirectory, type Roots } from '#native/monitor/directories.ts';
import { protectKeepers } from '#native/monitor/oom-score.ts';
import { recoverContainer } from '#native/monitor/recover.ts';
import { utf8 } from '#sys/bytes.ts';
import { EAGAIN, ECONNRESET, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPIPE } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { closeAllBut, type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { makeDirectories, openDirectory, removeFile, renameFile, tryLockFile, writeAll } from '#sys/files.ts';
import { deepenStack, shareMemory } from '#sys/memory.ts';
import { cloneProcess, type ExitReason, reapOne, SIGCHLD, SIGKILL, setParentDeathSignal } from '#sys/processes.ts';
import { chdir, umask } from '#sys/raw/file.ts';
import { getpid, getppid, setsid } from '#sys/raw/process.ts';
import { blockAllSignals, SIGINT, SIGTERM } from '#sys/signals.ts';
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

/**
 * Has a child ready for the next connection, forked before anything is read: what a request holds, and what goes wrong
 * with it, stays in the child, which becomes the container's monitor. Runs until SIGTERM or SIGINT; monitors live on.
 */
export function runAgent(roots: Roots): number {
  blockAllSignals(true);
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
  const recoveries = new Recoveries(() => monotonicMicroseconds() / 1000);
  using watch = new MonitorWatch(loop, roots, { lost: (id) => recoveries.add(id), ended: look });
  using _signals = onSignals(loop, [SIGCHLD, SIGTERM, SIGINT], (signal) => {
    if (signal !== SIGCHLD) stopped = true;
  });
  using next = new NextChild(listener, roots);
  using _taken = loop.watch(next.taken.number, 'readable', () => next.forget());
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
    loop.turn(room ? recoveries.wait : 0);
    reap((pid, reason) => {
      const success = reason.code === 0;
      if (next.pid === pid) next.end();
      // Others that end well have put everything in order; while a container is recovered, nobody looks after its id.
      if (recoveries.ended(pid, success) || !success) looking = true;
    });
  }
}

/**
 * The child that takes the next connection: forked before there is one, so that nobody waits for the fork. It says when
 * it has taken one, and another is made.
 */
class NextChild implements Disposable {
  readonly #listener: OwnedFd;
  readonly #roots: Roots;
  /** Readable when the connection has been taken. */
  readonly taken: OwnedFd;
  readonly #tell: OwnedFd;
  #pid: number | undefined;

  constructor(listener: OwnedFd, roots: Roots) {
    this.#listener = listener;
    this.#roots = roots;
    [this.taken, this.#tell] = socketPair();
    setNonblocking(this.taken);
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  make(): void {
    if (this.#pid !== undefined) return;
    const agent = getpid();
    this.#pid = fork(() => takeConnection(agent, this.#listener, this.#tell, this.#roots));
  }

  /** It has its connection. */
  forget(): boolean {
    let told = false;
    while (receiveMessage(this.taken)) told = true;
    this.#pid = undefined;
    return told;
  }

  /** It has ended. Where that was before it had a connection, the next might do the same at once. */
  end(): void {
    if (!this.forget()) sleepMilliseconds(SHORTAGE_MILLISECONDS);
  }

  [Symbol.dispose](): void {
    this.taken.close();
    this.#tell.close();
  }
}

/** In the child that waits: it holds nothing of the agent's that another agent would want, and goes with it. */
function takeConnection(agent: number, listener: OwnedFd, tell: OwnedFd, roots: Roots): number {
  setParentDeathSignal(SIGKILL);
  // It may be gone already.
  if (getppid() !== agent) return 0;
  closeAllBut([listener.number, tell.number]);
  deepenStack();
  let connection: OwnedFd | undefined;
  while (!connection) {
    whereRoom(() => {
      connection = acceptConnectionIfAny(listener, { nonblocking: false });
    });
  }
  setParentDeathSignal(0);
  try {
    sendMessage(tell, utf8('taken'));
  } catch (error) {
    // The agent is gone, and nobody makes another.
    if (!isErrno(error, EPIPE, ECONNRESET)) throw error;
  }
  return serveConnection(connection, roots);
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
