import { lazy } from '#common/lazy.ts';
import type { Config, Process } from '#common/runtime-spec/types.ts';
import type { Explanation } from '#native/explain/part.ts';
import { step } from '#native/steps.ts';
import { utf8 } from '#sys/bytes.ts';
import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { writeFile } from '#sys/files.ts';
import { unshareNamespaces } from '#sys/namespaces.ts';
import { makeInRoot } from '#sys/paths.ts';
import { SIGKILL, setParentDeathSignal } from '#sys/processes.ts';
import { CLONE_NEWCGROUP, setdomainname, sethostname, setsid } from '#sys/raw/process.ts';
import { blockAllSignals, resetSignalActions } from '#sys/signals.ts';
import { acceptConnection } from '#sys/sockets.ts';
import { type CgroupEntry, joinCgroups } from '../cgroups/index.ts';
import type { CgroupRecord } from '../cgroups/record.ts';
import type * as hooks from '../hooks.ts';
import type { NamespacePlan } from '../namespaces/plan.ts';
import { buildRoot, enterRoot, sealRoot } from '../rootfs/prepare.ts';
import type { RootSources } from '../rootfs/sources.ts';
import type * as keyring from './keyring.ts';
import type * as identity from './mapped-identity.ts';
import type * as personality from './personality.ts';
import { PreparedProgram, type ProgramSettings } from './program.ts';
import { Line, messages } from './spawn-protocol.ts';
import type * as terminal from './terminal.ts';

const hooksPart = lazy<typeof hooks>('hooks');
const terminalPart = lazy<typeof terminal>('terminal');

export interface InitSettings extends ProgramSettings {
  id: string;
  config: Config;
  process: Process;
  sources: RootSources;
  namespaces: NamespacePlan;
  cgroup: CgroupRecord;
  entry: CgroupEntry;
  /** The runtime has something to do when the root filesystem is built, before it is entered. */
  pauses: boolean;
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

/** The container's first process, from its birth to its program. Whatever fails is told to the runtime. */
export function runInit(socket: OwnedFd, settings: InitSettings): number {
  const line = new Line(socket);
  let starter: Line | undefined;
  const { explanation } = settings;
  const explain = () => {
    for (const piece of explanation?.pieces() ?? []) line.tell(messages.explained, piece);
  };
  try {
    explanation?.inContainer();
    setParentDeathSignal(SIGKILL);
    resetSignalActions();
    blockAllSignals(false);
    const program = becomeContainer(line, settings);
    explain();
    line.tell(messages.prepared);
    line.await(messages.recorded);
    // The runtime may leave now: the container must not go with it.
    setParentDeathSignal(0);
    line.tell(messages.detached);
    starter = settings.startListener ? waitForStart(settings.startListener, line) : line;
    const startHooks = settings.config.hooks?.startContainer;
    if (startHooks) hooksPart().runHooks('startContainer', startHooks, settings.state('created', 1));
    program.execute();
  } catch (error) {
    if (!starter) explain();
    (starter ?? line).fail(error);
  }
  return 1;
}

function becomeContainer(line: Line, settings: InitSettings): PreparedProgram {
  const { config, process, sources, namespaces } = settings;
  if (namespaces.createsUser || namespaces.userPath) {
    if (namespaces.createsUser) line.await(messages.mapped);
    step('become root of the user namespace', () => lazy<typeof identity>('mapped-identity')().becomeMappedRoot());
  }
  check(setsid(), 'setsid');
  if (settings.newKeyring) lazy<typeof keyring>('keyring')().joinNewKeyring(settings.id);
  step('name the host', () => nameHost(config));
  if (namespaces.hasMount) {
    buildRoot(sources, config, settings.cgroup);
    makeInRoot(sources.root.number, process.cwd, 'directory').close();
  }
  if (settings.console) {
    const console = settings.console;
    step('open the terminal', () => terminalPart().openTerminal(sources.root, process, console));
  }
  joinCgroups(settings.entry.early);
  if (settings.pauses) {
    line.tell(messages.built);
    line.await(messages.goOn);
  }
  const { createContainer } = config.hooks ?? {};
  if (createContainer) hooksPart().runHooks('createContainer', createContainer, settings.state('creating', 1));
  const { sysctl } = config.linux ?? {};
  if (sysctl) step('set sysctls', () => setSysctls(sysctl, settings.proc));
  if (namespaces.hasMount) sealRoot(sources, config);
  enterRoot(config, { pivot: settings.pivot && namespaces.hasMount });
  if (config.linux?.personality) lazy<typeof personality>('personality')().setPersonality(config.linux.personality);
  step('join the memory cgroup', () => joinCgroups(settings.entry.late));
  if (namespaces.createsCgroup) step('make a cgroup namespace', () => unshareNamespaces(CLONE_NEWCGROUP, 'cgroup'));
  return new PreparedProgram(process, settings);
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
function waitForStart(listener: OwnedFd, runtime: Line): Line {
  runtime.socket.close();
  for (;;) {
    const line = new Line(acceptConnection(listener));
    if (line.next(messages.recorded)) {
      listener.close();
      return line;
    }
    line.socket.close();
  }
}
