import type { ExitRecord, RestartSettings } from '#common/protocol/container.ts';

export interface Ended {
  exit: ExitRecord;
  /** Its program ran at least once: what was only made has nothing to start again. */
  started: boolean;
  /** Somebody asked for the end. */
  stopped: boolean;
  /** Somebody sent it a signal. */
  signalled?: boolean | undefined;
  /** It was ended because its health checks failed. */
  unhealthy: boolean;
  restarts: number;
  ranMilliseconds: number;
  /** The delay before the start that has ended now; 0 where there was none. */
  lastDelay: number;
}

const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** A container that ran for so long was well: the next delay begins anew. */
const WELL_MILLISECONDS = 10_000;

/**
 * Milliseconds to wait before the container starts again; undefined when it stays ended. Delays double from 100 ms to a
 * minute, as Docker's do. Docker CLI reference, "docker run", --restart.
 */
export function restartDelay({ policy, maximumRetries = 0 }: RestartSettings, ended: Ended): number | undefined {
  if (ended.stopped || !ended.started || policy === 'no') return undefined;
  if (policy === 'unless-stopped' && ended.signalled) return undefined;
  if (policy === 'on-failure' && ended.exit.status === 0) return undefined;
  if (policy === 'on-unhealthy' && !ended.unhealthy) return undefined;
  const counted = policy === 'on-failure' || policy === 'on-unhealthy';
  if (counted && maximumRetries > 0 && ended.restarts >= maximumRetries) return undefined;
  if (ended.lastDelay === 0 || ended.ranMilliseconds >= WELL_MILLISECONDS) return FIRST_DELAY;
  return Math.min(ended.lastDelay * 2, LONGEST_DELAY);
}
