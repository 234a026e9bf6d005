import type { Process } from '#common/runtime-spec/types.ts';
import type { Explanation } from '#native/explain/part.ts';
import { step } from '#native/steps.ts';
import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { changeRoot } from '#sys/mounts.ts';
import { joinNamespace } from '#sys/namespaces.ts';
import { CLONE_NEWUSER, setsid } from '#sys/raw/process.ts';
import { type CgroupEntry, joinCgroups } from '../cgroups/index.ts';
import { setAffinity } from './attributes.ts';
import { runChild } from './child.ts';
import { joinNewKeyring } from './keyring.ts';
import { setOomScore } from './limits.ts';
import { becomeMappedRoot } from './mapped-identity.ts';
import { PreparedProgram, type ProgramSettings } from './program.ts';
import type { LoadableFilter } from './seccomp-filter.ts';
import { type Line, messages } from './spawn-protocol.ts';
import { openTerminal } from './terminal.ts';

export interface ExecSettings extends Omit<ProgramSettings, 'filter'> {
  id: string;
  process: Process;
  /** The container's first process, whose namespaces are joined. */
  target: OwnedFd;
  /** CLONE_NEW* flags of the namespaces to join here; those of pid and time were chosen by the clone. */
  namespaces: number;
  joinsUser: boolean;
  /** Of a container that has the host's mounts. */
  sharedRoot: OwnedFd | undefined;
  entry: CgroupEntry;
  console: OwnedFd | undefined;
  /** Where it has one: gets the filter, also from the other end. */
  filter: ((line: Line) => LoadableFilter) | undefined;
  /** The runtime has something to do before the program may be prepared. */
  pauses: boolean;
  /** The runtime stands still: what it does for others, the process does for itself. */
  standsAlone: boolean;
  explanation: Explanation | undefined;
}

/** A further process of a running container, from its birth to its program. The container may be hostile by now. */
export function runExecChild(socket: OwnedFd, settings: ExecSettings): number {
  return runChild(socket, settings.explanation, { prepare: (line) => becomeMember(line, settings), outlives: false });
}

function becomeMember(line: Line, settings: ExecSettings): PreparedProgram {
  const { process, target, namespaces, joinsUser, entry } = settings;
  if (process.execCPUAffinity?.initial) setAffinity(process.execCPUAffinity.initial, 'process.execCPUAffinity.initial');
  if (settings.standsAlone) setOomScore('self', process, settings.warn);
  step('join cgroups', () => joinCgroups(entry.early));
  step('join namespaces', () => {
    // With the host's rights all others can be joined first, whoever owns them.
    if (namespaces !== 0) joinNamespace(target, namespaces, 'namespaces of the container');
    if (joinsUser) {
      joinNamespace(target, CLONE_NEWUSER, 'user namespace of the container');
      becomeMappedRoot();
    }
    if (settings.sharedRoot) changeRoot(settings.sharedRoot);
  });
  check(setsid(), 'setsid');
  joinNewKeyring(settings.id);
  const { console } = settings;
  if (console) step('open the terminal', () => openTerminal(undefined, process, console));
  if (settings.pauses) {
    line.tell(messages.built);
    line.await(messages.goOn);
  }
  joinCgroups(entry.late);
  return new PreparedProgram(process, { ...settings, filter: settings.filter?.(line) });
}
