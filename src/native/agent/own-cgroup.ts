import { readValue } from '#runtime/cgroups/files.ts';
import { isVersion2, ROOT } from '#runtime/cgroups/record.ts';
import { environmentVariable } from '#sys/environment.ts';
import { ENODEV, ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { exists, listDirectory, removeDirectory, writeFile } from '#sys/files.ts';
import { AT_FDCWD, mkdirat } from '#sys/raw/file.ts';
import { getpid } from '#sys/raw/process.ts';

const NAME = 'proa-agent';

/**
 * Leaves the cgroup of whoever started the agent: what is ended or limited with a login session must not be containers'
 * keepers. A service manager has given us one of our own already. What cannot be left stays as it is: returns why.
 */
export function leaveCallersCgroup(): string[] {
  // Unlike INVOCATION_ID, which everything that runs below a service inherits. systemd.exec(5).
  if (environmentVariable('SYSTEMD_EXEC_PID') === String(getpid())) return [];
  const failures: string[] = [];
  for (const hierarchy of hierarchies()) {
    try {
      enterAny(`${hierarchy}/${NAME}`, hierarchy);
    } catch (error) {
      failures.push(String(error));
    }
  }
  return failures;
}

/** An agent that is just ending may remove the directory under our hands. */
function enterAny(directory: string, parent: string): void {
  for (let tries = 1; ; tries++) {
    try {
      enter(directory, parent);
      return;
    } catch (error) {
      if (tries === 5 || !isErrno(error, ENOENT, ENODEV)) throw error;
    }
  }
}

function enter(directory: string, parent: string): void {
  mkdirat(AT_FDCWD, directory, 0o755);
  // A cpuset without processors takes nobody in. cpuset(7).
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readValue(`${directory}/${file}`) === '' && !isVersion2())
      writeFile(`${directory}/${file}`, readValue(`${parent}/${file}`) ?? '');
  }
  // By its thread, which is all that it has: the other file waits for the whole system. Version 2 has that one alone, also
  // where it is mounted beside version 1. cgroups(7).
  const tasks = `${directory}/tasks`;
  writeFile(exists(tasks) ? tasks : `${directory}/cgroup.procs`, '0');
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
