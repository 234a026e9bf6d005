import { lazy } from '#common/lazy.ts';
import type { DeviceRule, Resources } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { EINVAL, EPERM } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { writeFile } from '#sys/files.ts';
import { asksForLimits, decidesAll, defaultRules } from '../defaults.ts';
import type * as deviceRules from '../device-rules.ts';
import { readValue, writeLines } from '../files.ts';
import { type CgroupRecord, directoryOf } from '../record.ts';
import type * as limits from './limits.ts';

const rulesPart = lazy<typeof deviceRules>('cgroups-device-rules');
const limitsPart = lazy<typeof limits>('cgroups-v1-limits');

/** Readies cgroups for their first process; `fresh` when nobody had them before. */
export function prepareCgroup(record: CgroupRecord, resources: Resources | undefined, fresh: boolean): void {
  const cpuset = directoryOf(record, 'cpuset');
  if (cpuset) fillCpuset(cpuset, resources, fresh);
  const rules = resources?.devices ?? [];
  step('set device rules', () => setDevices(directoryOf(record, 'devices'), rules));
  if (resources && (!fresh || asksForLimits(resources))) {
    step('set limits', () => limitsPart().applyLimits(record, resources));
  }
}

const cpusetFiles = { cpus: 'cpuset.cpus', mems: 'cpuset.mems' } as const;

/** A new cpuset is empty, and nothing may join it: it takes its parent's processors and memory nodes. cpuset(7). */
function fillCpuset(directory: string, resources: Resources | undefined, fresh: boolean): void {
  for (const key of ['cpus', 'mems'] as const) {
    const file = cpusetFiles[key];
    const given = resources?.cpu?.[key];
    if (!fresh && !given) {
      cpusetOf(directory, file);
      continue;
    }
    // What is given comes with the limits, and needs a parent that has it.
    const inherited = cpusetOf(parentOf(directory), file);
    if (!given) writeFile(`${directory}/${file}`, inherited);
  }
}

/** What a cpuset has, which is its parent's when it had nothing. */
function cpusetOf(directory: string, file: string): string {
  const own = readValue(`${directory}/${file}`);
  if (own) return own;
  const inherited = cpusetOf(parentOf(directory), file);
  writeFile(`${directory}/${file}`, inherited);
  return inherited;
}

function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf('/'));
}

/** "a" puts a cgroup back to one answer for all devices; the exceptions follow. The kernel takes one with each write. */
function setDevices(directory: string | undefined, rules: readonly DeviceRule[]): void {
  if (directory === undefined) {
    if (rules.some(({ allow }) => !allow)) rulesPart().refuseRules();
    return;
  }
  const { allowed, exceptions } = rules.every((rule) => !rule.allow && decidesAll(rule))
    ? { allowed: false, exceptions: defaultRules }
    : rulesPart().exceptionList(rules);
  const [answer, opposite] = allowed ? ['allow', 'deny'] : ['deny', 'allow'];
  try {
    writeFile(`${directory}/devices.${answer}`, 'a');
    if (exceptions.length > 0) writeLines(`${directory}/devices.${opposite}`, exceptions, refusedLine);
  } catch (cause) {
    if (!isErrno(cause, EPERM, EINVAL)) throw cause;
    // devcgroup_update_access() in the kernel: EINVAL for a group that has others inside.
    rulesPart().explainRefusal(cause, isErrno(cause, EINVAL) ? 'Name a cgroup that has no others inside' : undefined);
  }
}

/** What the parent does not allow cannot be allowed here either: that matters only where somebody asked for it. */
function refusedLine(line: string, error: unknown): void {
  if (!isErrno(error, EPERM) || !defaultRules.includes(line)) throw error;
}
