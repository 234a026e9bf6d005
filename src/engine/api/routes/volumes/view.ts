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

/** The containers that have it, whether they run or not. */
export function usersOf(engine: Engine, name: string): string[] {
  return engine.containers
    .list()
    .filter(({ record }) => record.mounts.some((mount) => mount.Name === name))
    .map(({ id }) => id);
}
