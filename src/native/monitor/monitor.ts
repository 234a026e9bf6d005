import { describe } from '#common/errors.ts';
import type { Created } from '#common/protocol/agent.ts';
import type { ContainerRequest, ContainerState } from '#common/protocol/container.ts';
import { after, sleep } from '#loop/events.ts';
import { Loop } from '#loop/loop.ts';
import { trimMemory } from '#sys/memory.ts';
import { becomeSubreaper, setProcessName } from '#sys/processes.ts';
import { blockAllSignals, ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { Container } from './container.ts';
import { ContainerFiles, type Roots } from './directories.ts';
import type { ExecContext } from './exec.ts';
import { HealthChecks } from './health.ts';
import { Reaper } from './reaper.ts';
import { Service } from './service.ts';
import { dropReadBuffer } from './streams.ts';

export interface MonitorOptions {
  request: ContainerRequest;
  roots: Roots;
  /** What a lost monitor has left: the container is not made at once, but started again as its policy says. */
  previous?: ContainerState;
  /** Told once whether the container is made, or waits for that; a failure ends the monitor. */
  made(outcome: Created | { error: unknown }, service?: Service): void;
  /** Its first start is over, and nothing of that is left to do. */
  settled?(): void;
}

/** Time for the last answers to reach those who asked. */
const FAREWELL_MILLISECONDS = 1000;

/** After this time what the start has left in memory is given back, even if something happens all the time. */
const RESTLESS_MILLISECONDS = 2000;

/** Keeps one container until it has ended for good: this process's exit status. */
export function runMonitor({ request, roots, previous, made, settled = () => {} }: MonitorOptions): number {
  blockAllSignals(true);
  ignoreSignal(SIGPIPE);
  becomeSubreaper();
  setProcessName(`proa: ${request.id}`);
  // One thing that goes wrong must not take the container with it.
  let survive: (error: unknown) => void = () => {};
  let rest: Disposable | undefined;
  const giveMemoryBack = (): void => {
    rest?.[Symbol.dispose]();
    rest = undefined;
    // It has time: what the next event needs of it is taken anew.
    dropReadBuffer();
    trimMemory();
  };
  using loop = new Loop({ failed: (error) => survive(error), idle: giveMemoryBack });
  using reaper = new Reaper(loop);
  const files = new ContainerFiles(roots, request.id);
  return loop.run(async () => {
    let service: Service;
    let container: Container;
    try {
      container = new Container({ request, roots, loop, reaper, previous });
      container.runs.onSettled = () => {
        // Some programs let it rest at no time.
        rest = after(loop, RESTLESS_MILLISECONDS, () => {
          rest = undefined;
          giveMemoryBack();
        });
        settled();
      };
      survive = (error) => container.notices.tell('trouble', { what: 'answer an event', failure: describe(error) });
      const context: ExecContext = { loop, reaper, driver: container.driver, made: () => container.runs.made };
      watchHealth(container, context);
      if (previous) files.saveState(container.state);
      service = new Service(loop, container, context);
      if (previous) container.runs.startLater();
      else if (request.start || !request.late) await container.runs.make({ start: request.start, first: true });
    } catch (error) {
      if (!previous) files.release();
      made({ error });
      return 1;
    }
    const { pid } = container.state;
    if (!previous) made(pid === undefined ? {} : { pid }, service);
    await container.runs.endIfStopped();
    await container.runs.ended;
    // What was asked before is read in one turn, and answered by the next.
    for (let turn = 0; turn < 2; turn++) await sleep(loop, 0);
    await Promise.race([service.hangUp(), new Promise<void>((due) => after(loop, FAREWELL_MILLISECONDS, due))]);
    service[Symbol.dispose]();
    // An agent sees to it that the exit is recorded when there is room again.
    return container.files.isReleased ? 0 : 1;
  });
}

function watchHealth(container: Container, context: ExecContext): void {
  const settings = container.request.health;
  if (!settings) return;
  let checks: HealthChecks | undefined;
  container.runs.onStart = () => {
    checks?.[Symbol.dispose]();
    checks = new HealthChecks({
      loop: context.loop,
      settings,
      context,
      changed(health, turned) {
        container.setHealth(health);
        if (!turned) return;
        container.notices.tell('health', { status: health.status });
        if (health.status === 'unhealthy') container.runs.endUnhealthy();
      },
    });
    container.setHealth(checks.status);
  };
  container.runs.onEnd = () => checks?.[Symbol.dispose]();
  container.pausing.onPause = () => checks?.suspend();
  container.pausing.onResume = () => checks?.resume();
}
