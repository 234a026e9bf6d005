import type { State } from '#common/runtime-spec/types.ts';
import { parseOptions } from '#native/options.ts';
import { writeAll } from '#sys/files.ts';
import { timestamp } from '#sys/time.ts';
import type { Context } from '../context.ts';
import { ociState } from '../state/oci-state.ts';
import { statusOf } from '../state/status.ts';
import { type ContainerRecord, readRecord } from '../state/store.ts';
import { onlyArgument } from './create.ts';

export const usage = 'state CONTAINER';
export const options = {};

/** What callers read of a container: the specification's state and, as runc has them, rootfs, created and owner. */
export interface ContainerState extends State {
  rootfs: string;
  created: string;
  owner: string;
}

export function run(context: Context, args: readonly string[]): number {
  const id = onlyArgument(parseOptions(options, args), 'container ID');
  writeAll(1, `${JSON.stringify(describeContainer(context.root, id, readRecord(context.root, id)), undefined, 2)}\n`);
  return 0;
}

export function describeContainer(root: string, id: string, record: ContainerRecord | undefined): ContainerState {
  const status = statusOf(root, record);
  // Its maker has only just begun, or was stopped then. Callers parse the time.
  if (record === undefined)
    return { ociVersion: '1.0.0', id, status, pid: 0, bundle: '', rootfs: '', created: timestamp(), owner: '' };
  const { ociVersion, pid, bundle, annotations } = ociState(
    record,
    status,
    status === 'stopped' ? 0 : (record.pid ?? 0),
  );
  const state = {
    ociVersion,
    id,
    pid: pid ?? 0,
    status,
    bundle,
    rootfs: record.rootfs,
    created: record.created,
    owner: record.owner,
  };
  return annotations ? { ...state, annotations } : state;
}
