import type { ContainerRequest, ContainerState } from '#common/protocol/container.ts';
import { removeCgroup } from '#runtime/cgroups/index.ts';
import { closeAllBut } from '#sys/fd.ts';
import { exists, openDirectory } from '#sys/files.ts';
import { processFacts } from '#sys/processes.ts';
import { connectUnix, shortPath } from '#sys/sockets.ts';
import { timestamp } from '#sys/time.ts';
import { cleanUpSteps } from './clean-up.ts';
import { ContainerFiles, driverPlaces, newState, type Roots, thisProcess } from './directories.ts';
import { withoutOwn } from './leftover-cgroup.ts';
import { runMonitor } from './monitor.ts';
import { restartDelay } from './restart.ts';
import { driverFor } from './runtimes/driver.ts';

/** What was never seen to run, and cannot be unmade, is given up after so many attempts: its id would not come free. */
const ATTEMPTS = 8;

/**
 * In a process of its own: puts in order what a lost monitor has left, and is the container's next monitor where its
 * restart policy wants that. What ran without being watched is ended: nobody knows any more how it would have ended.
 * Returns 0 when nothing is left to do; otherwise an agent calls again, with how often that has failed.
 */
export function recoverContainer(roots: Roots, id: string, failures: number): number {
  closeAllBut([]);
  const files = new ContainerFiles(roots, id);
  if (!exists(files.run)) return 0;
  const request = files.request() ?? unknownRequest(id);
  const found = files.loadState();
  if (found ? isAlive(found.monitor) : answers(files)) return found ? 0 : 1;
  const state = found ?? unknownState(request);
  state.monitor = thisProcess();
  attempt(() => files.saveState(state));
  const unmade = unmake(files, request, state, roots);
  // Until it is unmade it is not cleaned up.
  const ran = state.phase !== 'exited' || state.cgroup !== undefined || !state.cleaned;
  const given = unmade || !ran || (state.cgroup === undefined && failures >= ATTEMPTS);
  if (given) delete state.cgroup;
  const delay = settle(files, request, state);
  const recorded = request.removeOnExit || attempt(() => files.saveDurably(state));
  if (!given) return 1;
  cleanUp(files, request, state);
  if (delay !== undefined) return runMonitor({ request, roots, previous: state, made() {} });
  if (!recorded) return 1;
  files.release();
  return 0;
}

/** By its runtime; where that fails, at least nothing of it runs on. Whether that is so. */
function unmake(files: ContainerFiles, request: ContainerRequest, state: ContainerState, roots: Roots): boolean {
  const driver = driverFor(request, driverPlaces(roots, files));
  if (attempt(() => driver.destroy(request.id))) return true;
  const { cgroup } = state;
  return cgroup !== undefined && attempt(() => removeCgroup(withoutOwn(cgroup)));
}

/** Records the loss, unless the end is known, and tells the delay before the next start, if there is to be one. */
function settle(files: ContainerFiles, request: ContainerRequest, state: ContainerState): number | undefined {
  const { phase, startedAt } = state;
  if (phase === 'exited') return undefined;
  const ran = phase === 'restarting' ? 0 : Date.now() - Date.parse(`${startedAt?.slice(0, 19)}Z`);
  delete state.pid;
  if (phase !== 'restarting') state.cleaned = false;
  const failure = { message: 'monitor lost', kind: 'internal' } as const;
  state.exit ??= { status: 137, outOfMemory: false, at: timestamp(), failure };
  const delay = restartDelay(request.restart ?? { policy: 'no' }, {
    exit: state.exit,
    started: startedAt !== undefined,
    stopped: state.stopped,
    signalled: state.signalled,
    unhealthy: phase === 'restarting',
    restarts: state.restarts,
    ranMilliseconds: ran,
    lastDelay: state.lastDelay ?? 0,
  });
  state.phase = delay === undefined ? 'exited' : 'restarting';
  if (delay !== undefined) state.lastDelay = delay;
  attempt(() => files.saveState(state));
  return delay;
}

/** What the lost monitor may have begun is done again. */
function cleanUp(files: ContainerFiles, request: ContainerRequest, state: ContainerState): void {
  if (state.cleaned) return;
  for (const step of cleanUpSteps(request)) attempt(step);
  state.cleaned = true;
  attempt(() => files.saveState(state));
}

function isAlive({ pid, startTime }: ContainerState['monitor']): boolean {
  const facts = processFacts(pid);
  return facts?.startTime === startTime && facts.state !== 'Z';
}

/** Whether a monitor serves the container, though its record does not tell which. */
function answers(files: ContainerFiles): boolean {
  return attempt(() => {
    using directory = openDirectory(files.run);
    using _connection = connectUnix(shortPath(directory, 'monitor'));
  });
}

/** Enough to unmake a container of our own runtime. */
function unknownRequest(id: string): ContainerRequest {
  const log = { format: 'none', path: '/dev/null', maximumBytes: 0, files: 1, compress: false } as const;
  return { id, bundle: '/', start: false, stdin: 'none', log };
}

function unknownState(request: ContainerRequest): ContainerState {
  const state = newState(request.id);
  if (request.start) state.startedAt = timestamp();
  return state;
}

/** Whether it worked. */
function attempt(body: () => void): boolean {
  try {
    body();
    return true;
  } catch {
    return false;
  }
}
