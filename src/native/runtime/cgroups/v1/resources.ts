import type { Resources } from '#common/runtime-spec/types.ts';
import { readText, writeFile } from '#sys/files.ts';
import type { CgroupRecord } from '../record.ts';

export function applyResources({ directories }: CgroupRecord, _resources: Resources): void {
  if (directories['cpuset']) inheritCpuset(directories['cpuset']);
}

/** A new cpuset is empty, and nothing may join it: it takes its parent's processors and memory nodes. cpuset(7). */
function inheritCpuset(directory: string): void {
  const parent = directory.slice(0, directory.lastIndexOf('/'));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readText(`${directory}/${file}`).trim() === '')
      writeFile(`${directory}/${file}`, readText(`${parent}/${file}`).trim());
  }
}
