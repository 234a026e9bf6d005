/** What happens to one piece of an image on its way. Sizes in bytes. */
export interface TransferEvent {
  digest: string;
  phase: 'waiting' | 'exists' | 'transferring' | 'verifying' | 'retrying' | 'unpacking' | 'done';
  current?: number;
  total?: number;
  /** Of `retrying`: what went wrong. */
  reason?: string;
}

export type OnEvent = (event: TransferEvent) => void;

/** Progress is for people: more often than this nobody can see it. */
const INTERVAL_MILLISECONDS = 100;

/** Tells progress, but not for every piece. */
export function progressTeller(onEvent: OnEvent, digest: string, total: number): (current: number) => void {
  let last = 0;
  return (current) => {
    const now = Date.now();
    if (now - last < INTERVAL_MILLISECONDS && current < total) return;
    last = now;
    onEvent({ digest, phase: 'transferring', current, total });
  };
}
