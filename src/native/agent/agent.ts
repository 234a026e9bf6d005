import { describe, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { after, onSignals } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { clearAside, containersDirectory, type Roots } from '#native/monitor/directories.ts';
import { protectKeepers } from '#native/monitor/oom-score.ts';
import { recoverContainer } from '#native/monitor/recover.ts';
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { makeDirectories, openDirectory, removeFile, renameFile, tryLockFile, writeAll } from '#sys/files.ts';
import { cloneProcess, type ExitReason, reapOne, SIGCHLD } from '#sys/processes.ts';
import { chdir, umask } from '#sys/raw/file.ts';
import { setsid } from '#sys/raw/process.ts';
import { blockAllSignals, SIGINT, SIGTERM } from '#sys/signals.ts';
import { acceptConnectionIfAny, listenUnix, shortPath } from '#sys/sockets.ts';
import { monotonicMicroseconds, sleepMilliseconds } from '#sys/time.ts';
import { leaveCallersCgroup, removeOwnCgroup } from './own-cgroup.ts';
import { Recoveries } from './recoveries.ts';
import { PATIENCE_SECONDS, serveConnection } from './request.ts';
import { MonitorWatch } from './watch.ts';

/** Parts of a start that containers usually need: loaded once, before the first of them is forked. */
const warmParts = [
  'config-seccomp',
  'cgroups-v1-limits',
  'cgroups-v1-oom',
  'cgroups-v2',
  'cgroups-v2-oom',
  'oom',
  'log',
];

/** Time to wait where descriptors, processes or memory have run out. */
const SHORTAGE_MILLISECONDS = 50;

/**
 * Waits for connections and forks for each of them, before anything is read: what a request holds, and what goes wrong
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
  setNonblocking(listener);
  for (const name of warmParts) lazy<unknown>(name)();
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
  using _arrivals = loop.watch(listener.number, 'readable', () => {});
  // By then all who asked an earlier agent have their monitors.
  using _late = after(loop, (PATIENCE_SECONDS + 1) * 1000, look);
  let arrived: OwnedFd | undefined;
  while (!stopped) {
    // Nothing is pending up here, and nothing of the loop is used by the children.
    const room = whereRoom(() => {
      if (looking) watch.look();
      looking = false;
      recoveries.begin((id, failures) => fork(() => recoverContainer(roots, id, failures)));
      for (;;) {
        arrived ??= acceptConnectionIfAny(listener, { nonblocking: false });
        if (!arrived) break;
        const connection = arrived;
        fork(() => serveConnection(connection, roots));
        connection.close();
        arrived = undefined;
      }
    });
    loop.turn(room ? recoveries.wait : 0);
    reap((pid, reason) => {
      const success = reason.code === 0;
      // Others that end well have put everything in order; while a container is recovered, nobody looks after its id.
      if (recoveries.ended(pid, success) || !success) looking = true;
    });
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
