import { ProaError } from '#common/errors.ts';
import type { IoPriority, Process, Scheduler } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { EACCES, ENOENT } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { exists, writeFile } from '#sys/files.ts';
import { ioprio_set, sched_setaffinity, sched_setattr, schedAttr } from '#sys/raw/process.ts';
import type { ProgramSettings } from './program.ts';

/** What few processes ask for: labels of security modules, scheduling, io priority, processor affinity. */
export function setAttributes(process: Process, settings: ProgramSettings): void {
  const { scheduler, ioPriority, execCPUAffinity, apparmorProfile, selinuxLabel } = process;
  if (scheduler) step('set scheduler', () => setScheduler(scheduler));
  if (ioPriority) step('set io priority', () => setIoPriority(ioPriority));
  if (execCPUAffinity?.final) setAffinity(execCPUAffinity.final, 'process.execCPUAffinity.final');
  if (apparmorProfile) step(`set AppArmor profile "${apparmorProfile}"`, () => setAppArmor(apparmorProfile, settings));
  if (selinuxLabel) step(`set SELinux label "${selinuxLabel}"`, () => setSelinux(selinuxLabel, settings));
}

const policies = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const schedulerFlags: Record<string, number> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

function setScheduler({
  policy,
  nice = 0,
  priority = 0,
  flags = [],
  runtime = 0,
  deadline = 0,
  period = 0,
}: Scheduler): void {
  const bits = flags.reduce((sum, flag) => sum | (schedulerFlags[flag] ?? 0), 0);
  const packed = schedAttr.pack({
    size: schedAttr.size,
    policy: policies[policy],
    flags: bits,
    nice,
    priority,
    runtime,
    deadline,
    period,
  });
  check(sched_setattr(0, packed), 'sched_setattr', policy);
}

const ioClasses = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASS_SHIFT = 13;

function setIoPriority({ class: name, priority = 0 }: IoPriority): void {
  const value = (ioClasses[name] << IOPRIO_CLASS_SHIFT) | priority;
  check(ioprio_set(IOPRIO_WHO_PROCESS, 0, value), 'ioprio_set', name);
}

/** Processors this process may run on, as a list like `0-3,7`. sched_setaffinity(2). */
export function setAffinity(list: string, field: string): void {
  const mask = new Uint8Array(1024);
  for (const part of list.split(',')) {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (!match || last < first || last >= mask.length * 8) {
      throw new ProaError(`${field}: expected a list of processors such as "0-3,7", got "${list}"`, {
        kind: 'invalid',
      });
    }
    for (let cpu = first; cpu <= last; cpu++) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  check(sched_setaffinity(0, mask), 'sched_setaffinity', list);
}

/**
 * The profile that the next execve(2) puts on. Written below the host's /proc by descriptor: below the container's, a
 * link could lead the write elsewhere and leave the container without profile (CVE-2019-16884, CVE-2025-52881).
 */
function setAppArmor(profile: string, settings: ProgramSettings): void {
  const proc = settings.proc as OwnedFd;
  // Since Linux 5.8 modules that are stacked have a directory each; before, AppArmor was alone.
  const path = exists('self/attr/apparmor/exec', proc.number) ? 'self/attr/apparmor/exec' : 'self/attr/exec';
  writeLabel(path, `exec ${profile}`, proc, 'AppArmor', 'Load the profile with apparmor_parser(8)');
}

function setSelinux(label: string, { proc }: ProgramSettings): void {
  writeLabel('self/attr/exec', label, proc as OwnedFd, 'SELinux', 'Check that the policy has this label');
}

function writeLabel(path: string, text: string, proc: OwnedFd, module: string, remedy: string): void {
  try {
    writeFile(path, text, { at: proc.number });
  } catch (cause) {
    const absent = !isErrno(cause, EACCES, ENOENT) || !exists(path, proc.number);
    throw new ProaError(
      absent ? `${module} is not enabled on this host, or refuses the label` : `${module} refuses the label`,
      {
        kind: absent ? 'unsupported' : 'invalid',
        remedy: absent ? `Leave the label empty, or boot with ${module}` : remedy,
        cause,
      },
    );
  }
}
