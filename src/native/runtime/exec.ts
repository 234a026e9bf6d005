import type { Config, Process } from '#common/runtime-spec/types.ts';
import type { Explanation } from '#native/explain/part.ts';
import { step } from '#native/steps.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory, replaceFile } from '#sys/files.ts';
import { joinNamespace, namespaceTypes } from '#sys/namespaces.ts';
import {
  becomeSubreaper,
  type Child,
  cloneProcess,
  lendMemory,
  SIGKILL,
  setDumpable,
  signalProcess,
  waitForChild,
} from '#sys/processes.ts';
import { CLONE_PARENT } from '#sys/raw/process.ts';
import { socketPair } from '#sys/sockets.ts';
import { type CgroupEntry, openEntry } from './cgroups/index.ts';
import { explainDeath } from './cgroups/oom.ts';
import type { CgroupRecord } from './cgroups/record.ts';
import { takeStreams } from './process/child.ts';
import { runExecChild } from './process/exec-child.ts';
import { openHostProc } from './process/host-proc.ts';
import { setOomScore } from './process/limits.ts';
import { openSharedRoot } from './process/shared-root.ts';
import { Line, messages, SilentEnd } from './process/spawn-protocol.ts';
import { offeredFilter, offerFilter, ownFilter } from './seccomp-offer.ts';

export interface ExecOptions {
  /** The runtime's. */
  root: string;
  id: string;
  config: Config;
  process: Process;
  /** The container's first process, and its number. */
  target: OwnedFd;
  pid: number;
  cgroup: CgroupRecord;
  console: OwnedFd | undefined;
  onTerminal?(): void;
  pidFile: string | undefined;
  preserveFds: number;
  subreaper: boolean;
  /** What the program gets as its standard streams; those of the caller where this is missing. */
  streams?: readonly OwnedFd[] | undefined;
  /** The process becomes a child of the caller's parent: clone(2), CLONE_PARENT. */
  forParent?: boolean;
  warn(text: string): void;
  explanation?: Explanation | undefined;
}

/** As runc: what a process does not say for itself is as for the container's own. */
export function inheritFrom({ process: own }: Config, given: Process): Process {
  const missing = INHERITED.filter((field) => given[field] === undefined && own?.[field] !== undefined);
  return { ...given, ...Object.fromEntries(missing.map((field) => [field, own?.[field]])) };
}

const INHERITED = [
  'capabilities',
  'rlimits',
  'apparmorProfile',
  'selinuxLabel',
  'oomScoreAdj',
  'scheduler',
  'ioPriority',
] as const;

/** Runs a further process in a running container; returns when its program runs. A failure leaves nothing behind. */
export function execProcess(options: ExecOptions): Child {
  const { config, process, target, cgroup } = options;
  setDumpable(false);
  using proc = openHostProc(process);
  using sharedRoot = openSharedRoot(config, options.pid, target);
  using entry: CgroupEntry = openEntry(cgroup);
  using birth = cgroup.version === 2 ? openDirectory(cgroup.directories['unified'] as string) : undefined;
  const [ours, theirs] = socketPair();
  using socket = ours;
  const profile = config.linux?.seccomp;
  const pauses = options.console !== undefined;
  const alone = !pauses && standsAlone(options);
  // Only children enter pid and time namespaces, so the runtime itself stays where it is.
  const ofChildren = flagsOf(config, ['pid', 'time']);
  if (ofChildren !== 0)
    step('choose the pid namespace', () => joinNamespace(target, ofChildren, 'pid namespace of the container'));
  const line = Line.ofRuntime(socket, options);
  const filter = alone && profile ? ownFilter(profile, options.root) : undefined;
  const child = step('clone the process', () =>
    (alone ? lendMemory : cloneProcess)({ cgroup: birth, flags: options.forParent ? CLONE_PARENT : 0 }, () => {
      if (options.streams)
        takeStreams(options.streams, [
          theirs,
          target,
          proc,
          sharedRoot,
          ...entry.early,
          ...entry.late,
          options.console,
        ]);
      else ours.close();
      return runExecChild(theirs, {
        ...options,
        proc,
        entry,
        pauses,
        standsAlone: alone,
        ...joinedFlags(config),
        sharedRoot,
        filter: filter ? () => filter : profile && offeredFilter,
        explanation: options.explanation,
        warn: (text) => new Line(theirs).tell(messages.warned, text),
      });
    }),
  );
  theirs.close();
  options.console?.close();
  if (options.subreaper) becomeSubreaper();
  try {
    if (!alone) setOomScore(child.pid, process, options.warn);
    if (pauses) {
      line.await(messages.built);
      options.onTerminal?.();
      line.tell(messages.goOn);
    }
    if (!alone && profile) offerFilter(line, profile, options.root);
    line.await(messages.prepared);
    if (options.pidFile) replaceFile(options.pidFile, String(child.pid), 0o644);
    line.next(messages.prepared);
    return child;
  } catch (error) {
    if (error instanceof SilentEnd) throw explainDeath(options.forParent ? undefined : waitForChild(child), cgroup);
    signalProcess(child.pidfd, SIGKILL);
    if (!options.forParent) waitForChild(child);
    throw error;
  }
}

/** What a further process joins by itself. */
export function joinedFlags(config: Config): { namespaces: number; joinsUser: boolean } {
  return {
    namespaces: flagsOf(config, ['mount', 'network', 'ipc', 'uts', 'cgroup']),
    joinsUser: flagsOf(config, ['user']) !== 0,
  };
}

function flagsOf({ linux }: Config, chosen: readonly string[]): number {
  const types = (linux?.namespaces ?? []).map(({ type }) => type);
  return types.filter((type) => chosen.includes(type)).reduce((sum, type) => sum | namespaceTypes[type].flag, 0);
}

/**
 * Whether the process is lent our memory. In the container's namespaces it can be seen by what runs there, which must not
 * be able to trace it; and who enters a time namespace must have memory of its own: setns(2).
 */
function standsAlone({ config, explanation }: ExecOptions): boolean {
  const bounding = config.process?.capabilities?.bounding ?? [];
  const entersTime = config.linux?.namespaces?.some(({ type }) => type === 'time');
  return !explanation && !entersTime && !bounding.includes('CAP_SYS_PTRACE');
}
