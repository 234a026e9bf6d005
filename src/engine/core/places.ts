import { join } from 'node:path';

/** Below the state directory: what the engine keeps of each container. */
export function containersOf(state: string): string {
  return join(state, 'engine', 'containers');
}
