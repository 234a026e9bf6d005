import type { Config, Process } from '#common/runtime-spec/types.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openDirectory, openFile } from '#sys/files.ts';
import { joinNamespace } from '#sys/namespaces.ts';
import { type Child, cloneProcess, SIGKILL, setDumpable, setParentDeathSignal } from '#sys/processes.ts';
import { CLONE_NEWPID } from '#sys/raw/process.ts';
import { socketPair } from '#sys/sockets.ts';
import { openEntry } from './cgroups/index.ts';
import { explainDeath } from './cgroups/oom.ts';
import type { CgroupRecord } from './cgroups/record.ts';
import { joinedFlags } from './exec.ts';
import { takeStreams } from './process/child.ts';
import { runExecChild } from './process/exec-child.ts';
import { openHostProc } from './process/host-proc.ts';
import { openSharedRoot } from './process/shared-root.ts';
import { Line, messages } from './process/spawn-protocol.ts';
import { ownFilter } from './seccomp-offer.ts';

export interface BeginExecOptions {
  /** The runtime's. */
  root: string;
  id: string;
  /** The container's first process, and its number. */
  target: OwnedFd;
  pid: number;
  cgroup: CgroupRecord;
  streams: readonly OwnedFd[];
  /** In the new process, which may wait: its container's configuration, and what is to run. */
  load(): { config: Config; process: Process };
}

/** A further process on its way to its program. */
export interface ExecBeginning {
  child: Child;
  /** Readable when there is something to say. */
  socket: OwnedFd;
  /** Hears that. Whether the program runs now; throws why it does not. */
  hear(): boolean;
}

/** Who enters a time namespace needs a process between it and us: setns(2). */
export function canBeginExec(config: Config): boolean {
  return !config.linux?.namespaces?.some(({ type }) => type === 'time');
}

/**
 * As `execProcess`, from a process that must not wait for what may hang: its copy, which is born in the container's pid
 * namespace, does all that the runtime does there. Without a terminal, and only where `canBeginExec` says so.
 */
export function beginExec({ root, id, target, pid, cgroup, streams, load }: BeginExecOptions): ExecBeginning {
  // The copy can be seen in the container before it has done anything.
  setDumpable(false);
  using home = openFile('/proc/self/ns/pid');
  using birth = cgroup.version === 2 ? openDirectory(cgroup.directories['unified'] as string) : undefined;
  const [socket, theirs] = socketPair();
  using given = theirs;
  let child: Child;
  try {
    // Of a container that shares our namespace, it is our own.
    joinNamespace(target, CLONE_NEWPID, 'pid namespace of the container');
    try {
      child = cloneProcess({ cgroup: birth }, () =>
        runProcess(given, { root, id, target, pid, cgroup, streams, load }),
      );
    } finally {
      joinNamespace(home, CLONE_NEWPID, 'own pid namespace');
    }
  } catch (error) {
    socket.close();
    throw error;
  }
  const line = new Line(socket);
  let prepared = false;
  const hear = () => {
    if (line.next(messages.prepared)) {
      prepared = true;
      return false;
    }
    if (!prepared) throw explainDeath(undefined, cgroup);
    return true;
  };
  return { child, socket, hear };
}

function runProcess(socket: OwnedFd, { root, id, target, pid, cgroup, streams, load }: BeginExecOptions): number {
  try {
    setParentDeathSignal(SIGKILL);
    // First of all: what else is open here is the caller's, and the container is near.
    takeStreams(streams, [socket, target]);
    const { config, process } = load();
    using proc = openHostProc(process);
    using sharedRoot = openSharedRoot(config, pid, target);
    using entry = openEntry(cgroup);
    const profile = config.linux?.seccomp;
    // Now: in the container, what lies by that path is the container's.
    const filter = profile && ownFilter(profile, root);
    return runExecChild(socket, {
      id,
      process,
      target,
      console: undefined,
      proc,
      entry,
      pauses: false,
      preserveFds: 0,
      standsAlone: true,
      ...joinedFlags(config),
      sharedRoot,
      filter: filter && (() => filter),
      explanation: undefined,
      warn: () => {},
    });
  } catch (error) {
    new Line(socket).fail(error);
    return 1;
  }
}
