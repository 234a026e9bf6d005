import type { ContainerRequest } from '#common/protocol/container.ts';
import { runHooks } from '#runtime/hooks.ts';

/** For hooks that name no limit themselves: others wrote them, and they may hang. */
const HOOK_SECONDS = 30;

/** What the engine wants done after each end, its networks and mounts; each by itself, whatever happens to another. */
export function cleanUpSteps({ id, bundle, cleanUp = [] }: ContainerRequest): (() => void)[] {
  const state = JSON.stringify({ ociVersion: '1.3.0', id, status: 'stopped', bundle });
  return cleanUp.map((hook) => () => runHooks('poststop', [{ timeout: HOOK_SECONDS, ...hook }], state));
}
