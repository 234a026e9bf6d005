import { ProaError } from '#common/errors.ts';
import { writeFile } from '#sys/files.ts';
import { sleepMilliseconds } from '#sys/time.ts';
import { readValue } from './files.ts';
import { type CgroupRecord, directoryOf } from './record.ts';

export function isFrozen(record: CgroupRecord): boolean {
  const directory = directoryOf(record, 'freezer');
  return directory !== undefined && isFrozenNow(record, directory) !== false;
}

const TRIES = 2000;

/** Stops or continues every process of the container, and waits until the kernel says that it is so. */
export function setFrozen(record: CgroupRecord, frozen: boolean): void {
  const directory = directoryOf(record, 'freezer');
  if (directory === undefined) {
    throw new ProaError('the cgroup controller "freezer" is not available', {
      kind: 'unsupported',
      remedy: 'Mount it below /sys/fs/cgroup',
    });
  }
  const [file, yes, no] =
    record.version === 2
      ? ([`${directory}/cgroup.freeze`, '1', '0'] as const)
      : ([`${directory}/freezer.state`, 'FROZEN', 'THAWED'] as const);
  for (let tries = 0; tries < TRIES; tries++) {
    // Processes that fork meanwhile may escape version 1, which then stays in FREEZING until it is written again.
    if (tries === 0 || record.version === 1) writeFile(file, frozen ? yes : no);
    if (isFrozenNow(record, directory) === frozen) return;
    sleepMilliseconds(1);
  }
  // Half frozen would be the worst of states to leave a container in.
  if (frozen) writeFile(file, no);
  throw new ProaError(`cannot ${frozen ? 'freeze' : 'thaw'} the container's processes within ${TRIES / 1000} s`, {
    kind: 'unavailable',
    remedy: 'A process may wait for a disk or a network file system: try again',
  });
}

/** Undefined while the kernel is at it. */
function isFrozenNow({ version }: CgroupRecord, directory: string): boolean | undefined {
  if (version === 2) return readValue(`${directory}/cgroup.events`)?.includes('frozen 1') ?? false;
  const state = readValue(`${directory}/freezer.state`);
  return state === 'FREEZING' ? undefined : state === 'FROZEN';
}
