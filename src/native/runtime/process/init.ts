import { lazy } from '#common/lazy.ts';
import type { Config, Hook, Process } from '#common/runtime-spec/types.ts';
import type { Explanation } from '#native/explain/part.ts';
import { step } from '#native/steps.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { writeFile } from '#sys/files.ts';
import { raiseLoopback, unshareNamespaces } from '#sys/namespaces.ts';
import { makeInRoot } from '#sys/paths.ts';
import { exitProcess } from '#sys/processes.ts';
import { close_range } from '#sys/raw/file.ts';
import { CLONE_NEWCGROUP, CLONE_NEWNET, setdomainname, sethostname, setsid } from '#sys/raw/process.ts';
import { acceptConnection } from '#sys/sockets.ts';
import { type CgroupEntry, joinCgroups } from '../cgroups/index.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import type * as hooks from '../hooks.ts';
import type { NamespacePlan } from '../namespaces/plan.ts';
import type { PreparedNamespaces } from '../namespaces/prepared.ts';
import { buildRoot, enterRoot, sealRoot } from '../rootfs/prepare.ts';
import type { RootSources } from '../rootfs/sources.ts';
import { runChild } from './child.ts';
import { joinNewKeyring } from './keyring.ts';
import { setOomScore } from './limits.ts';
import type * as identity from './mapped-identity.ts';
import type * as personality from './personality.ts';
import { PreparedProgram, type ProgramSettings } from './program.ts';
import type { LoadableFilter } from './seccomp-filter.ts';
import { Line, messages } from './spawn-protocol.ts';
import type * as terminal from './terminal.ts';

const hooksPart = lazy<typeof hooks>('hooks');
const terminalPart = lazy<typeof terminal>('terminal');

export interface InitSettings extends Omit<ProgramSettings, 'filter'> {
  id: string;
  config: Config;
  process: Process;
  sources: RootSources;
  namespaces: NamespacePlan;
  /** Those of the plan that are there already. */
  prepared: PreparedNamespaces | undefined;
  cgroup: CgroupRecord;
  /** The ways into cgroups of version 1; without them, the runtime sends them when it has made those. */
  entry: CgroupEntry | undefined;
  /** The runtime has something to do when the root filesystem is built, before it is entered. */
  pauses: boolean;
  /** The runtime stands still: what it does for others, the process does for itself. */
  standsAlone: boolean;
  /** Where it has one: gets the filter, also from the other end. */
  filter: ((line: Line) => LoadableFilter) | undefined;
  pivot: boolean;
  newKeyring: boolean;
  /** Where the master side of the terminal is sent. */
  console: OwnedFd | undefined;
  /** Where a created container waits for its start; a run goes on at once. */
  startListener: OwnedFd | undefined;
  explanation: Explanation | undefined;
  /** The state that hooks read, as JSON. */
  state(status: 'creating' | 'created', pid: number): string;
}

/** The container's first process, from its birth to its program. */
export function runInit(socket: OwnedFd, settings: InitSettings): number {
  return runChild(socket, settings.explanation, {
    prepare: (line) => becomeContainer(line, settings),
    outlives: settings.startListener !== undefined,
    beforeProgram(line) {
      const teller = settings.startListener
        ? waitForStart(settings.startListener, line, 3 + settings.preserveFds)
        : line;
      const startHooks = settings.config.hooks?.startContainer;
      if (startHooks) runStartHooks(startHooks, settings, teller);
      return teller;
    },
  });
}

/** A failure here is for whoever started the container, not for whoever made it. */
function runStartHooks(hooks: Hook[], settings: InitSettings, teller: Line): void {
  try {
    hooksPart().runHooks('startContainer', hooks, settings.state('created', 1));
  } catch (error) {
    teller.fail(error);
    exitProcess(1);
  }
}

function becomeContainer(line: Line, settings: InitSettings): PreparedProgram {
  const { config, process, sources, namespaces } = settings;
  if (namespaces.createsUser || namespaces.userPath) {
    if (namespaces.createsUser) line.await(messages.mapped);
    step('become root of the user namespace', () => lazy<typeof identity>('mapped-identity')().becomeMappedRoot());
  }
  if (settings.standsAlone) setOomScore('self', process, settings.warn);
  settings.prepared?.enter();
  check(setsid(), 'setsid');
  if (settings.newKeyring) joinNewKeyring(settings.id);
  let late: OwnedFd[] | undefined;
  const enterCgroups = () => {
    late ??= settings.cgroup.version === 1 ? joinEarly(settings.entry ?? receiveCgroups(line)) : [];
    return late;
  };
  step('name the host', () => nameHost(config));
  const preparedFlags = settings.prepared?.flags ?? 0;
  if (namespaces.cloneFlags & CLONE_NEWNET & ~preparedFlags) step('raise the loopback device', raiseLoopback);
  if (namespaces.hasMount) {
    buildRoot(sources, { config, cgroup: settings.cgroup, enterCgroups });
    if (process.cwd !== '/') makeInRoot(sources.root.number, process.cwd, 'directory').close();
  }
  if (settings.console) {
    const console = settings.console;
    step('open the terminal', () => terminalPart().openTerminal(sources.root, process, console));
  }
  const lateCgroups = enterCgroups();
  if (settings.pauses) {
    line.tell(messages.built);
    line.await(messages.goOn);
  }
  const { createContainer } = config.hooks ?? {};
  if (createContainer) hooksPart().runHooks('createContainer', createContainer, settings.state('creating', 1));
  const { sysctl } = config.linux ?? {};
  if (sysctl) step('set sysctls', () => setSysctls(sysctl, settings.proc as OwnedFd));
  if (namespaces.hasMount) sealRoot(sources, config);
  const alone = settings.pivot ? 'pivot' : 'chroot';
  enterRoot(sources, config, namespaces.hasMount ? alone : 'shared');
  if (config.linux?.personality) lazy<typeof personality>('personality')().setPersonality(config.linux.personality);
  step('join the memory cgroup', () => joinCgroups(lateCgroups));
  if (namespaces.createsCgroup) step('make a cgroup namespace', () => unshareNamespaces(CLONE_NEWCGROUP, 'cgroup'));
  const program = new PreparedProgram(process, { ...settings, filter: settings.filter?.(line) });
  // A created container may wait for long: nothing of the host stays open in it.
  settings.proc?.close();
  sources[Symbol.dispose]();
  return program;
}

function receiveCgroups(line: Line): Pick<CgroupEntry, 'early' | 'late'> {
  const { body, fds } = line.await(messages.cgroups);
  const late = fds.length - Number(textOf(body));
  return { early: fds.slice(0, late), late: fds.slice(late) };
}

/** Joins the cgroups of version 1 but the memory controller, whose file is returned. */
function joinEarly({ early, late }: Pick<CgroupEntry, 'early' | 'late'>): OwnedFd[] {
  step('join cgroups', () => joinCgroups(early));
  return late;
}

function nameHost({ hostname, domainname }: Config): void {
  if (hostname) check(sethostname(utf8(hostname)), 'sethostname', hostname);
  if (domainname) check(setdomainname(utf8(domainname)), 'setdomainname', domainname);
}

/** sysctl(8) names: dots separate, unless a slash came first. Written below the host's /proc, which cannot lie. */
function setSysctls(sysctl: Record<string, string>, proc: OwnedFd): void {
  for (const [name, value] of Object.entries(sysctl)) {
    const separator = /[./]/.exec(name)?.[0];
    const path = separator === '/' ? name : name.replace(/[./]/g, (mark) => (mark === '.' ? '/' : '.'));
    step(`set sysctl "${name}"`, () => writeFile(`sys/${path}`, value, { at: proc.number }));
  }
}

/** Blocks until somebody starts the container; the connection then carries a failure, or ends when the program runs. */
function waitForStart(listener: OwnedFd, runtime: Line, firstOther: number): Line {
  runtime.socket.close();
  // Nor does it keep what the caller had open: somebody may wait for the end of a pipe.
  if (listener.number > firstOther) check(close_range(firstOther, listener.number - 1, 0), 'close_range');
  check(close_range(Math.max(firstOther, listener.number + 1), 0xffffffff, 0), 'close_range');
  for (;;) {
    const line = new Line(acceptConnection(listener));
    if (line.next(messages.recorded)) {
      listener.close();
      return line;
    }
    line.socket.close();
  }
}
