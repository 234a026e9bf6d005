import { ProaError } from '#common/errors.ts';
import { signalNumber } from '#common/signals.ts';
import { allSettled } from '#engine/async/parallel.ts';
import type { Engine } from '../../core/engine.ts';
import type { Container } from '../container.ts';
import { graceSeconds } from './request.ts';

export interface StopOptions {
  /** In place of the container's own. */
  signal?: string | undefined;
  /** Until it is killed; -1: never. */
  seconds?: number | undefined;
  /** Not removed, though it goes with its end: it is started again. */
  keep?: boolean;
}

/** Asks a container to end, and kills it when it does not. Answers whether it ran. */
export async function stopContainer(
  engine: Engine,
  container: Container,
  { signal, seconds, keep = false }: StopOptions,
): Promise<boolean> {
  const number = signal === undefined ? undefined : signalOf(signal);
  if (!container.isRunning) return false;
  const over = container.nextGone();
  if (keep) container.keepOnce = true;
  try {
    await container.ask('stop', {
      ...(number !== undefined && { signal: number }),
      ...(seconds !== undefined && { graceSeconds: graceSeconds(seconds) }),
    });
  } catch (error) {
    // It may have ended by itself at this moment.
    container.keepOnce &&= !container.isRunning;
    if (container.isRunning) throw error;
  }
  await over;
  engine.keeper.tell(container, 'stop');
  return true;
}

/** Ends all that runs, each in its own way and all at once, since the whole system ends. Their policies stay in force. */
export async function stopWithSystem(engine: Engine): Promise<void> {
  const running = engine.containers.list().filter(({ isRunning }) => isRunning);
  await allSettled(
    running.map(async (container) => {
      container.record.endedWithSystem = true;
      await engine.records.save(container.record, { durably: true });
      await stopContainer(engine, container, {});
    }),
  );
}

/** Throws `invalid` for what is no signal. */
export function signalOf(text: string): number {
  const number = signalNumber(text);
  if (number) return number;
  throw new ProaError(`Invalid signal: ${text}`, { kind: 'invalid' });
}
