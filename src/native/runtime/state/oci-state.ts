import type { State, Status } from '#common/runtime-spec/types.ts';
import type { ContainerRecord } from './store.ts';

/** The state of a container as hooks and callers read it: runtime.md, "State". */
export function ociState(record: ContainerRecord, status: Status, pid: number): State {
  const state: State = { ociVersion: record.ociVersion, id: record.id, status, pid, bundle: record.bundle };
  if (record.annotations) state.annotations = record.annotations;
  return state;
}
