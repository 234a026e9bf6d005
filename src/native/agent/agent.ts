import { describe, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import { onSignals } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { containersDirectory, type Roots } from '#native/monitor/directories.ts';
import { protectKeepers } from '#native/monitor/oom-score.ts';
import { recoverContainer } from '#native/monitor/recover.ts';
import { type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { makeDirectories, openDirectory, removeFile, tryLockFile, writeAll } from '#sys/files.ts';
import { cloneProcess, type ExitReason, reapOne, SIGCHLD } from '#sys/processes.ts';
import { chdir, umask } from '#sys/raw/file.ts';
import { setsid } from '#sys/raw/process.ts';
import { blockAllSignals, SIGINT, SIGTERM } from '#sys/signals.ts';
import { acceptConnectionIfAny, listenUnix, shortPath } from '#sys/sockets.ts';
import { leaveCallersCgroup, removeOwnCgroup } from './own-cgroup.ts';
import { serveConnection } from './request.ts';
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
  protectKeepers();
  for (const failure of leaveCallersCgroup()) writeAll(2, `proa-agent: stays in its cgroup: ${failure}\n`);
  removeFile('agent', directory.number);
  using listener = listenUnix(shortPath(directory, 'agent'));
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
  const lost = new Set<string>();
  /** Who puts a lost container in order, by its id: until that has recorded itself, its predecessor's record stands. */
  const recovering = new Map<string, number>();
  using watch = new MonitorWatch(loop, roots, (id) => {
    if (!recovering.has(id)) lost.add(id);
  });
  using _signals = onSignals(loop, [SIGCHLD, SIGTERM, SIGINT], (signal) => {
    if (signal !== SIGCHLD) stopped = true;
  });
  using _arrivals = loop.watch(listener.number, 'readable', () => {});
  watch.adopt();
  while (!stopped) {
    // Nothing is pending up here, and nothing of the loop is used by the children.
    for (const id of lost)
      recovering.set(
        id,
        fork(() => recoverContainer(roots, id)),
      );
    lost.clear();
    while (true) {
      using connection = acceptConnectionIfAny(listener, { nonblocking: false });
      if (!connection) break;
      fork(() => serveConnection(connection, roots));
    }
    loop.turn();
    reap((pid, reason) => {
      for (const [id, recoverer] of recovering) if (recoverer === pid) recovering.delete(id);
      // Those that end by themselves have put everything in order.
      if (reason.signal !== undefined || reason.code > 1) watch.look();
    });
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
