import type { ContainerRequest, ContainerState, ExitRecord } from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { runHooks } from '#runtime/hooks.ts';
import { closeAllBut } from '#sys/fd.ts';
import { timestamp } from '#sys/time.ts';
import { ContainerFiles, driverPlaces, type Roots } from './directories.ts';
import { runMonitor } from './monitor.ts';
import { restartDelay } from './restart.ts';
import { driverFor } from './runtimes/driver.ts';

/**
 * In a process of its own: puts in order what a lost monitor has left, and is the container's next monitor where its
 * restart policy wants that. What ran without being watched is ended: nobody knows any more how it would have ended.
 */
export function recoverContainer(roots: Roots, id: string): number {
  closeAllBut([]);
  const files = new ContainerFiles(roots, id);
  const request = files.request();
  const state = files.loadState();
  if (!request || !state) {
    files.removeRun();
    return 0;
  }
  driverFor(request, driverPlaces(roots, files)).destroy(id);
  if (state.phase === 'exited') {
    files.removeRun();
    return 0;
  }
  record(files, request, state, lostExit({ message: 'monitor lost', kind: 'internal' }));
  const restart = request.restart ?? { policy: 'no' };
  const { restarts, stopped } = state;
  const facts = {
    exit: state.exit as ExitRecord,
    stopped,
    unhealthy: false,
    restarts,
    ranMilliseconds: 0,
    lastDelay: 0,
  };
  if (restartDelay(restart, facts) === undefined) {
    files.removeRun();
    return 0;
  }
  return runMonitor({
    request: { ...request, start: true },
    roots,
    restarts: restarts + 1,
    made(outcome) {
      if ('error' in outcome) record(files, request, state, lostExit(failureMessage(outcome.error)));
    },
  });
}

function lostExit(failure: NonNullable<ExitRecord['failure']>): ExitRecord {
  return { status: 137, outOfMemory: false, at: timestamp(), failure };
}

function record(files: ContainerFiles, request: ContainerRequest, state: ContainerState, exit: ExitRecord): void {
  delete state.pid;
  state.phase = 'exited';
  state.exit = exit;
  if (!request.removeOnExit) files.saveDurably(state);
  const text = JSON.stringify({ ociVersion: '1.3.0', id: request.id, status: 'stopped', bundle: request.bundle });
  for (const hook of request.cleanUp ?? []) {
    try {
      runHooks('poststop', [hook], text);
    } catch {
      // The others run whatever happens to one.
    }
  }
}
