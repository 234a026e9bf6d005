import { readTextIfAny, writeFile } from '#sys/files.ts';
import { sleepMilliseconds } from '#sys/time.ts';
import type { CgroupRecord } from './record.ts';

export function isFrozen(record: CgroupRecord): boolean {
  if (record.version === 2)
    return readTextIfAny(`${record.directories['unified']}/cgroup.events`)?.includes('frozen 1') ?? false;
  const state = readTextIfAny(`${record.directories['freezer']}/freezer.state`)?.trim();
  return state === 'FROZEN' || state === 'FREEZING';
}

/** Stops or continues every process of the container, and waits until the kernel says that it is so. */
export function setFrozen(record: CgroupRecord, frozen: boolean): void {
  if (record.version === 2) {
    writeFile(`${record.directories['unified']}/cgroup.freeze`, frozen ? '1' : '0');
    for (let tries = 0; tries < 2000 && isFrozen(record) !== frozen; tries++) sleepMilliseconds(1);
    return;
  }
  const file = `${record.directories['freezer']}/freezer.state`;
  const wanted = frozen ? 'FROZEN' : 'THAWED';
  for (let tries = 0; tries < 2000; tries++) {
    writeFile(file, wanted);
    if (readTextIfAny(file)?.trim() === wanted) return;
    sleepMilliseconds(1);
  }
}
