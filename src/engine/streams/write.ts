import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes, and waits for a slow reader: nothing is kept for it. Returns as well when `signal` ends. */
export async function writeSlowly(to: Writable, bytes: Buffer | string, signal: AbortSignal): Promise<void> {
  if (to.write(bytes) || signal.aborted) return;
  await once(to, 'drain', { signal }).catch(() => {});
}
