import { readValue } from '#runtime/cgroups/files.ts';
import { isVersion2, ROOT } from '#runtime/cgroups/record.ts';
import { environmentVariable } from '#sys/environment.ts';
import { exists, listDirectory, removeDirectory, writeFile } from '#sys/files.ts';
import { AT_FDCWD, mkdirat } from '#sys/raw/file.ts';

const NAME = 'proa-agent';

/**
 * Leaves the cgroup of whoever started the agent: what is ended or limited with a login session must not be containers'
 * keepers. A service manager has given us one of our own already. What cannot be left stays as it is: returns why.
 */
export function leaveCallersCgroup(): string[] {
  if (environmentVariable('INVOCATION_ID')) return [];
  const failures: string[] = [];
  for (const hierarchy of hierarchies()) {
    try {
      enter(`${hierarchy}/${NAME}`, hierarchy);
    } catch (error) {
      failures.push(String(error));
    }
  }
  return failures;
}

function enter(directory: string, parent: string): void {
  mkdirat(AT_FDCWD, directory, 0o755);
  // A cpuset without processors takes nobody in. cpuset(7).
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readValue(`${directory}/${file}`) === '' && !isVersion2())
      writeFile(`${directory}/${file}`, readValue(`${parent}/${file}`) ?? '');
  }
  // By its thread, which is all that it has: the other file waits for the whole system. cgroups(7).
  writeFile(`${directory}/${isVersion2() ? 'cgroup.procs' : 'tasks'}`, '0');
}

/** What the agent can be moved in: every mounted hierarchy of version 1, or the one of version 2. */
function hierarchies(): string[] {
  if (isVersion2()) return [ROOT];
  return listDirectory(ROOT)
    .map((name) => `${ROOT}/${name}`)
    .filter((path) => exists(`${path}/cgroup.procs`));
}

/** Monitors that live on keep it. */
export function removeOwnCgroup(): void {
  for (const hierarchy of hierarchies()) {
    try {
      writeFile(`${hierarchy}/cgroup.procs`, '0');
      removeDirectory(`${hierarchy}/${NAME}`);
    } catch {
      // Somebody is in there still.
    }
  }
}
