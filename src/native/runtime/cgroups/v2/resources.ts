import { lazy } from '#common/lazy.ts';
import type { DeviceRule, Resources } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { EEXIST, EINVAL, EPERM } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import { openDirectory, writeFile } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { asksForLimits } from '../defaults.ts';
import { explainRefusal } from '../device-rules.ts';
import { readValue } from '../files.ts';
import type { CgroupRecord } from '../record.ts';
import { controllerOf } from '../settings.ts';
import { attachDeviceProgram } from './bpf.ts';
import { deviceProgram } from './device-program.ts';
import type * as limits from './limits.ts';

const limitsPart = lazy<typeof limits>('cgroups-v2-limits');

/** Controllers that the specification knows: later `update` and `events` need them too, whatever is set now. */
const usual = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'rdma'];

/**
 * Lets the container's cgroup have its controllers: each parent passes them on in cgroup.subtree_control. A parent
 * with processes of its own may refuse that; what then cannot be set is told when it is set. cgroups(7), "Cgroups v2
 * subtree control".
 */
export function enableControllers(record: CgroupRecord, resources: Resources | undefined): void {
  const leaf = record.directories['unified'] as string;
  const root = leaf.slice(0, leaf.length - record.path.length);
  const offered = words(`${root}/cgroup.controllers`);
  const wanted = wantedControllers(record, resources).filter((name) => offered.includes(name));
  const parent = leaf.slice(0, leaf.lastIndexOf('/'));
  if (missing(parent, wanted).length === 0) return;
  let directory = root;
  passOn(directory, wanted);
  for (const name of record.path.split('/').slice(1, -1)) {
    directory += `/${name}`;
    const result = raw.mkdirat(raw.AT_FDCWD, directory, 0o755);
    if (result !== -EEXIST) check(result, 'mkdirat', directory);
    passOn(directory, wanted);
  }
}

function wantedControllers({ version }: CgroupRecord, resources: Resources | undefined): string[] {
  const named = Object.keys(resources?.unified ?? {}).map(controllerOf);
  if (version === 2) return [...new Set([...usual, ...named])];
  return resources?.hugepageLimits ? ['hugetlb', ...named] : named;
}

function words(file: string): string[] {
  return (readValue(file) ?? '').split(' ');
}

function missing(directory: string, wanted: readonly string[]): string[] {
  if (wanted.length === 0) return [];
  const present = words(`${directory}/cgroup.subtree_control`);
  return wanted.filter((name) => !present.includes(name));
}

function passOn(directory: string, wanted: readonly string[]): void {
  const names = missing(directory, wanted).map((name) => `+${name}`);
  // All at once is cheaper, but one that is refused takes the others with it.
  if (names.length === 0 || write(directory, names.join(' ')) || names.length === 1) return;
  for (const name of names) write(directory, name);
}

function write(directory: string, names: string): boolean {
  try {
    writeFile(`${directory}/cgroup.subtree_control`, names);
    return true;
  } catch {
    return false;
  }
}

/** Readies a cgroup for its first process; `fresh` when nobody had it before. */
export function prepareCgroup(record: CgroupRecord, resources: Resources | undefined, fresh: boolean): void {
  const directory = record.directories['unified'] as string;
  step('set device rules', () => setDevices(directory, resources?.devices ?? [], fresh));
  if (resources && (!fresh || asksForLimits(resources))) {
    step('set limits', () => limitsPart().applyLimits(record, resources));
  }
}

function setDevices(directory: string, rules: readonly DeviceRule[], fresh: boolean): void {
  const program = deviceProgram(rules);
  using cgroup = openDirectory(directory);
  try {
    attachDeviceProgram(cgroup, program, fresh);
  } catch (cause) {
    const old = isErrno(cause, EINVAL) ? 'This takes Linux 4.15 with CONFIG_CGROUP_BPF' : undefined;
    const denied = isErrno(cause, EPERM) ? 'This takes CAP_BPF or CAP_SYS_ADMIN' : undefined;
    explainRefusal(cause, old ?? denied);
  }
}
