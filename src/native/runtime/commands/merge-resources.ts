import type { Resources } from '#common/runtime-spec/types.ts';

/** What holds after an update: what it names replaces what was there, device by device where there are lists. */
export function mergeResources(before: Resources, update: Resources): Resources {
  const merged: Resources = { ...before };
  if (update.memory) {
    merged.memory = { ...before.memory, ...update.memory };
    // An end of the memory limit means an end of the common limit with swap, unless that is named too.
    if (update.memory.limit === -1 && update.memory.swap === undefined) delete merged.memory.swap;
  }
  if (update.cpu) merged.cpu = { ...before.cpu, ...update.cpu };
  if (update.pids) merged.pids = { ...before.pids, ...update.pids };
  if (update.unified) merged.unified = { ...before.unified, ...update.unified };
  if (update.rdma) merged.rdma = { ...before.rdma, ...update.rdma };
  if (update.hugepageLimits) {
    merged.hugepageLimits = upsert(before.hugepageLimits, update.hugepageLimits, ({ pageSize }) => pageSize);
  }
  if (update.blockIO) {
    const blockIO: Record<string, unknown> = { ...before.blockIO, ...update.blockIO };
    for (const list of deviceLists) {
      const changes = update.blockIO[list] as { major: number; minor: number }[] | undefined;
      if (changes) blockIO[list] = upsert(before.blockIO?.[list], changes, ({ major, minor }) => `${major}:${minor}`);
    }
    merged.blockIO = blockIO;
  }
  if (update.network) {
    merged.network = { ...before.network, ...update.network };
    if (update.network.priorities) {
      merged.network.priorities = upsert(before.network?.priorities, update.network.priorities, ({ name }) => name);
    }
  }
  return merged;
}

const deviceLists = [
  'weightDevice',
  'throttleReadBpsDevice',
  'throttleWriteBpsDevice',
  'throttleReadIOPSDevice',
  'throttleWriteIOPSDevice',
] as const;

function upsert<T>(before: readonly T[] = [], changes: readonly T[], keyOf: (item: T) => string): T[] {
  const items = new Map(before.map((item) => [keyOf(item), item]));
  for (const item of changes) items.set(keyOf(item), item);
  return [...items.values()];
}

/**
 * What to tell the kernel: what `update` names, with the values of `merged` that it is computed from. Version 2 has
 * one file for quota and period, and limits swap without memory.
 */
export function withPartners(update: Resources, merged: Resources): Resources {
  const complete: Resources = { ...update };
  const { memory, cpu } = update;
  if (memory && (memory.limit !== undefined || memory.swap !== undefined)) {
    complete.memory = { ...pick(merged.memory, ['limit', 'swap']), ...memory };
  }
  if (cpu && (cpu.quota !== undefined || cpu.period !== undefined)) {
    complete.cpu = { ...pick(merged.cpu, ['quota', 'period']), ...cpu };
  }
  return complete;
}

function pick<T extends object, K extends keyof T>(from: T | undefined, keys: readonly K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from?.[key] !== undefined) picked[key] = from[key];
  return picked;
}

/** The part of `before` that an update to `update` has changed, to put it back. */
export function formerValues(before: Resources, update: Resources): Resources {
  const former: Record<string, unknown> = {};
  for (const [section, fields] of Object.entries(update)) {
    const old = before[section as keyof Resources];
    if (old === undefined) continue;
    former[section] = Array.isArray(old) ? old : pick(old as object, Object.keys(fields as object) as never[]);
  }
  return former;
}
