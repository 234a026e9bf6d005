import type { Resources } from '#common/runtime-spec/types.ts';

/** What a later request says stands; what it does not speak of stays. */
export function mergeResources(before: Resources, after: Resources): Resources {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(after)) {
    const old = merged[name];
    const areObjects = [old, value].every((part) => typeof part === 'object' && part !== null && !Array.isArray(part));
    merged[name] = areObjects ? { ...(old as object), ...(value as object) } : value;
  }
  return merged as Resources;
}
