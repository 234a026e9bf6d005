import type { Condition } from './conditions.ts';
import { type Chain, type Fate, NAMED, type Placement } from './placement.ts';
import type { Calls } from './tables.ts';

/**
 * On i386 the socket and System V IPC calls are also reached through socketcall(2) and ipc(2): a rule about `socket`
 * that left those out could be walked around. So each rule about such a call is also made for the one it hides in, as
 * libseccomp does. There the call's own first argument is out of sight, behind a pointer, and a condition on it is
 * dropped. A rule about `socketcall` or `ipc` itself, without conditions, beats all of this.
 */
export function placeMultiplexed(placement: Placement, calls: Calls): void {
  placeOne(placement, calls, 'socketcall', calls.socketcall ?? [], { op: 'EQ', maskLow: 0 });
  // The upper half of ipc's first argument is a version that old C libraries set: ipc(2).
  placeOne(placement, calls, 'ipc', calls.ipc ?? [], { op: 'MASKED_EQ', maskLow: 0xffff });
}

function placeOne(
  { fates, compat }: Placement,
  calls: Calls,
  name: string,
  pairs: readonly (readonly [number, number])[],
  comparison: Pick<Condition, 'op' | 'maskLow'>,
): void {
  const slot = (calls.numbers[name] ?? 0) >> 10;
  const own = compat[slot] as number;
  let fate = fates[own] as Fate;
  if (own > NAMED && 'answer' in fate) return;
  for (const [code, hidden] of pairs) {
    if ((compat[hidden] as number) <= NAMED) continue;
    const which = { index: 0, high: 0, low: code, maskHigh: 0, ...comparison };
    fate = through(fate, which, fates[compat[hidden] as number] as Fate);
  }
  if (fate !== fates[own]) compat[slot] = fates.push(fate) - 1;
}

function through(before: Fate, which: Condition, hidden: Fate): Fate {
  if ('answer' in hidden) return { before, conditions: [which], action: hidden.answer };
  const steps: Chain[] = [];
  let first: Fate = hidden;
  for (; !('answer' in first); first = first.before) steps.unshift(first);
  let fate = before;
  for (const { conditions, action } of steps) {
    const visible = conditions.filter((condition) => condition.index !== 0);
    fate = { before: fate, conditions: [which, ...visible], action };
  }
  return fate;
}
