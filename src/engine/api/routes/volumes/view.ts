import type { Engine } from '../../../core/engine.ts';
import type { Volume } from '../../../volumes/store.ts';

/** Engine API, "Volume". */
export function volumeView(engine: Engine, volume: Volume) {
  const { name, created, labels, options } = volume;
  return {
    CreatedAt: created,
    Driver: 'local',
    Labels: labels,
    Mountpoint: engine.volumes.directory(name),
    Name: name,
    Options: options,
    Scope: 'local',
  };
}

/** The containers that have it, whether they run or not, or are about to. */
export function usersOf({ containers, volumes }: Engine, name: string): string[] {
  return [...new Set([...containers.usersOf(name), ...volumes.claimants(name)])];
}
