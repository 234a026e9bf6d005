import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Resources } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { EBUSY, EEXIST, ENOENT, ESRCH } from '#sys/errno.ts';
import { check, isErrno, SystemError } from '#sys/errors.ts';
import { type OwnedFd, owned } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import {
  exists,
  listDirectory,
  makeDirectories,
  openDirectory,
  readText,
  readTextIfAny,
  removeDirectory,
  writeFile,
} from '#sys/files.ts';
import { openProcess, SIGKILL, signalProcess } from '#sys/processes.ts';
import * as raw from '#sys/raw/file.ts';
import { sleepMilliseconds } from '#sys/time.ts';
import { isFrozen } from './freezer.ts';
import { type CgroupRecord, directoryOf, isVersion2, ROOT } from './record.ts';
import type * as v1Limits from './v1/limits.ts';
import * as v1 from './v1/resources.ts';
import type * as v2Limits from './v2/limits.ts';
import type * as v2 from './v2/resources.ts';

const v2Part = lazy<typeof v2>('cgroups-v2');
const v1LimitsPart = lazy<typeof v1Limits>('cgroups-v1-limits');
const v2LimitsPart = lazy<typeof v2Limits>('cgroups-v2-limits');

/**
 * Where the cgroup of a container is to be: at `cgroupsPath` below the root of each hierarchy, or `/ID`. On a hybrid
 * host the version 1 hierarchies count, and the unified one only where `resources` name what it alone has.
 */
export function locateCgroup(
  id: string,
  cgroupsPath: string | undefined,
  resources: Resources | undefined,
): CgroupRecord {
  const parts = (cgroupsPath || id).split('/').filter((part) => part !== '' && part !== '.');
  // `..` would reach other groups: resolved here as in a root directory of its own.
  const kept: string[] = [];
  for (const part of parts) {
    if (part === '..') kept.pop();
    else kept.push(part);
  }
  if (kept.length === 0) {
    // The container would share the group of everything that runs, which ends with the container.
    throw new ProaError(`linux.cgroupsPath: expected a path below the root, got "${cgroupsPath}"`, { kind: 'invalid' });
  }
  const record = recordOf(`/${kept.join('/')}`, resources);
  refuseUsed(record);
  return record;
}

function recordOf(path: string, resources: Resources | undefined): CgroupRecord {
  if (isVersion2()) return { version: 2, path, directories: { unified: `${ROOT}${path}` } };
  const directories: Record<string, string> = {};
  for (const line of readText('/proc/self/cgroup').split('\n')) {
    const controllers = line.slice(line.indexOf(':') + 1, line.indexOf(':', line.indexOf(':') + 1));
    const name = controllers.replace(/^name=/, '');
    if (name !== '') directories[name] = `${ROOT}/${name}${path}`;
  }
  const inUnified = resources?.unified || (resources?.hugepageLimits && !directories['hugetlb']);
  if (inUnified && exists(`${ROOT}/unified/cgroup.controllers`)) directories['unified'] = `${ROOT}/unified${path}`;
  return { version: 1, path, directories };
}

/** Processes of others would be limited, and ended, with the container: config-linux.md, "Control groups". */
function refuseUsed(record: CgroupRecord): void {
  if (!exists(referenceDirectory(record))) return;
  const used = (what: string) =>
    new ProaError(`container's cgroup "${record.path}" ${what}`, {
      kind: 'conflict',
      remedy: 'Choose another linux.cgroupsPath, or end what uses this one',
    });
  const count = processesOf(record).length;
  if (count > 0) throw used(`is not empty: ${count} process(es) found`);
  if (isFrozen(record)) throw used('is frozen');
}

/** Makes the directories and sets the limits. A failure is the caller's to clean up after, with removeCgroup. */
export function makeCgroup(record: CgroupRecord, resources: Resources | undefined): void {
  const { version, directories } = record;
  if (directories['unified']) v2Part().enableControllers(record, resources);
  let fresh = true;
  for (const [controller, directory] of Object.entries(directories)) {
    const result = raw.mkdirat(raw.AT_FDCWD, directory, 0o755);
    if (result === -EEXIST) fresh = false;
    else if (result === -ENOENT) makeMissing(record, controller);
    else check(result, 'mkdirat', directory);
  }
  const part = version === 2 ? v2Part() : v1;
  part.prepareCgroup(record, resources, fresh);
}

/** Makes a directory with those above it; a controller that is mounted nowhere is left out. */
function makeMissing({ path, directories }: CgroupRecord, controller: string): void {
  const mounted = (directory: string) => exists(`${directory}/cgroup.procs`);
  const directory = directories[controller] as string;
  const root = directory.slice(0, directory.length - path.length);
  if (mounted(root)) {
    makeDirectories(directory, 0o755);
    return;
  }
  delete directories[controller];
  // Controllers mounted together may have been named in another order: `cpuacct,cpu` for `cpu,cpuacct`.
  const alias = controller.split(',').find((part) => mounted(`${ROOT}/${part}`));
  if (alias === undefined) return;
  directories[controller] = `${ROOT}/${alias}${path}`;
  makeDirectories(directories[controller], 0o755);
}

/** Sets the limits of a cgroup that has processes; what `resources` does not name stays as it is. */
export function applyResources(record: CgroupRecord, resources: Resources): void {
  const part = record.version === 2 ? v2LimitsPart() : v1LimitsPart();
  part.applyLimits(record, resources);
}

/** Limits below this are not to be paid for by our own start: the process joins last, with nothing of ours in memory. */
const SMALL_MEMORY = 32 * 1024 * 1024;

/** The cgroup to be born in, where that is possible and wise: clone3(2), CLONE_INTO_CGROUP. */
export function openBirthCgroup(record: CgroupRecord, memoryLimit: number): OwnedFd | undefined {
  if (record.version !== 2 || (memoryLimit > 0 && memoryLimit < SMALL_MEMORY)) return undefined;
  return openDirectory(record.directories['unified'] as string);
}

/** How a process will join the container's cgroup by itself: files that it writes to, opened with the host's rights. */
export interface CgroupEntry extends Disposable {
  early: OwnedFd[];
  /** Memory is accounted to where a process is when it touches it: this controller is joined last. */
  late: OwnedFd[];
}

/**
 * Opens the ways into the cgroups of version 1. A thread that moves itself through `tasks` takes no global lock, where
 * moving another process by `cgroup.procs` waits for an RCU grace period of several milliseconds:
 * cgroup_procs_write_start() in the kernel.
 */
export function openEntry(record: CgroupRecord): CgroupEntry {
  const entry: CgroupEntry = {
    early: [],
    late: [],
    [Symbol.dispose]() {
      for (const fd of [...entry.early, ...entry.late]) fd.close();
    },
  };
  if (record.version === 2) return entry;
  for (const [controller, directory] of Object.entries(record.directories)) {
    const path = `${directory}/${controller === 'unified' ? 'cgroup.procs' : 'tasks'}`;
    const fd = raw.openat(raw.AT_FDCWD, path, raw.O_WRONLY | raw.O_CLOEXEC, 0);
    if (fd === -ENOENT && leaveOut(record, controller)) continue;
    const list = controller.includes('memory') ? entry.late : entry.early;
    list.push(owned(fd, 'openat', path));
  }
  return entry;
}

/** Forgets a controller that is mounted nowhere here, though its mount point is: mkdir(2) made a plain directory there. */
function leaveOut({ directories }: CgroupRecord, controller: string): boolean {
  const directory = directories[controller] as string;
  if (exists(`${directory}/cgroup.procs`)) return false;
  delete directories[controller];
  removeDirectory(directory);
  return true;
}

/** Moves this process, and closes the ways in; "0" stands for the writer. */
export function joinCgroups(files: readonly OwnedFd[]): void {
  for (const file of files) {
    check(raw.write(file.number, '0', 1), 'write', 'tasks of a cgroup');
    file.close();
  }
}

/** Puts another process into the container's cgroup. */
export function attachProcess(record: CgroupRecord, pid: number): void {
  for (const directory of Object.values(record.directories)) writeFile(`${directory}/cgroup.procs`, String(pid));
}

/** Every process of the container, in the host's numbers. */
export function processesOf(record: CgroupRecord): number[] {
  const found = new Set<number>();
  const directory = referenceDirectory(record);
  const visit = (path: string): void => {
    for (const line of (readTextIfAny(`${path}/cgroup.procs`) ?? '').split('\n'))
      if (line !== '') found.add(Number(line));
    for (const name of subdirectories(path)) visit(`${path}/${name}`);
  };
  visit(directory);
  return [...found];
}

/** The directory whose members are the container's processes. */
function referenceDirectory(record: CgroupRecord): string {
  for (const controller of ['devices', 'memory', 'pids']) {
    const directory = directoryOf(record, controller);
    if (directory !== undefined) return directory;
  }
  return Object.values(record.directories)[0] as string;
}

function subdirectories(path: string): string[] {
  try {
    using directory = openDirectory(path);
    return listDirectory(path).filter((name) => statusOf(directory.number, name).kind === 'directory');
  } catch (error) {
    if (isErrno(error, ENOENT)) return [];
    throw error;
  }
}

/** Kills every process of the container, also those that fork meanwhile. */
export function killAll(record: CgroupRecord, signal = SIGKILL): void {
  if (record.version === 2 && signal === SIGKILL) {
    const result = killCgroup(`${record.directories['unified']}/cgroup.kill`);
    if (result) return;
  }
  for (const pid of processesOf(record)) {
    using process = openProcess(pid);
    if (process) signalProcess(process, signal);
  }
}

function killCgroup(file: string): boolean {
  try {
    writeFile(file, '1');
    return true;
  } catch (error) {
    // cgroup.kill came with Linux 5.14; a cgroup that is gone has nobody to kill.
    if (isErrno(error, ENOENT)) return !exists(file.slice(0, file.lastIndexOf('/')));
    throw error;
  }
}

const REMOVAL_MILLISECONDS = 10_000;
/** A killed process that is a member for longer than this may be frozen. */
const FROZEN_MILLISECONDS = 100;

/** Removes the cgroup, with groups that the container made inside; ends what still runs there. */
export function removeCgroup(record: CgroupRecord): void {
  step('remove cgroups', () => {
    for (const directory of Object.values(record.directories)) removeTree(directory, record);
  });
}

/** The same where nobody is in them any more, nor has made others in them. Whether that was so. */
export function removeEmptyCgroup(record: CgroupRecord): boolean {
  return Object.values(record.directories).every((directory) => {
    const result = raw.unlinkat(raw.AT_FDCWD, directory, raw.AT_REMOVEDIR);
    return result === 0 || result === -ENOENT;
  });
}

function removeTree(directory: string, record: CgroupRecord): void {
  for (let waited = 0; ; waited += 1) {
    const result = raw.unlinkat(raw.AT_FDCWD, directory, raw.AT_REMOVEDIR);
    if (result === 0 || result === -ENOENT) return;
    if (result !== -EBUSY) throw new SystemError('unlinkat', -result, directory);
    for (const name of subdirectories(directory)) removeTree(`${directory}/${name}`, record);
    if (waited > 0) {
      // A killed process is a member until it is reaped: give it the time, and kill what was born meanwhile.
      if (waited > REMOVAL_MILLISECONDS) throw new SystemError('unlinkat', EBUSY, directory);
      killAll(record);
      if (record.version === 1 && waited % FROZEN_MILLISECONDS === 0) thawElsewhere(record);
      sleepMilliseconds(1);
    }
  }
}

/**
 * Somebody may have frozen processes of the container in a cgroup of their own, where no signal ends them. In the root of
 * the hierarchy nothing is frozen.
 */
function thawElsewhere(record: CgroupRecord): void {
  const directory = directoryOf(record, 'freezer');
  const root = directory?.slice(0, directory.length - record.path.length);
  for (const pid of processesOf(record)) {
    try {
      writeFile(`${root}/cgroup.procs`, String(pid));
    } catch (error) {
      // It ended meanwhile, or there is no freezer.
      if (!isErrno(error, ESRCH, ENOENT)) throw error;
    }
  }
}
