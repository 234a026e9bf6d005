import type { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Linux, RunnableConfig } from '#common/runtime-spec/types.ts';
import type { Explanation } from '#native/explain/part.ts';
import { step } from '#native/steps.ts';
import { DisposableList, type OwnedFd } from '#sys/fd.ts';
import { replaceFile } from '#sys/files.ts';
import {
  becomeSubreaper,
  type Child,
  cloneProcess,
  lendMemory,
  processFacts,
  SIGKILL,
  setDumpable,
  signalProcess,
  waitForChild,
  waitForEnd,
} from '#sys/processes.ts';
import { CLONE_PARENT } from '#sys/raw/process.ts';
import { listenUnix, shortPath, socketPair } from '#sys/sockets.ts';
import { timestamp } from '#sys/time.ts';
import {
  attachProcess,
  type CgroupEntry,
  locateCgroup,
  makeCgroup,
  openBirthCgroup,
  openEntry,
  removeCgroup,
} from './cgroups/index.ts';
import type * as oom from './cgroups/oom.ts';
import type * as hooks from './hooks.ts';
import type * as joining from './namespaces/joining.ts';
import { type NamespacePlan, planNamespaces } from './namespaces/plan.ts';
import { takePrepared } from './namespaces/prepared.ts';
import type * as user from './namespaces/user.ts';
import type * as notify from './notify.ts';
import type { NotifyRelay } from './notify.ts';
import { takeStreams } from './process/child.ts';
import type * as consoleSocket from './process/console.ts';
import { openHostProc } from './process/host-proc.ts';
import { type InitSettings, runInit } from './process/init.ts';
import { raiseLimits, setOomScore } from './process/limits.ts';
import { Line, messages, SilentEnd } from './process/spawn-protocol.ts';
import { openSources } from './rootfs/sources.ts';
import { offeredFilter, offerFilter, ownFilter } from './seccomp-offer.ts';
import { ociState } from './state/oci-state.ts';
import { ContainerDirectory, type ContainerRecord, START_SOCKET } from './state/store.ts';

const hooksPart = lazy<typeof hooks>('hooks');
const userPart = lazy<typeof user>('user-namespace');

export interface LaunchOptions {
  root: string;
  id: string;
  bundle: string;
  config: RunnableConfig;
  /** The configuration as it was read, kept for later commands. */
  configText: Uint8Array;
  /** The process waits for `start`; without it, it goes on at once. */
  waitForStart: boolean;
  consoleSocket?: string | undefined;
  /** In place of a console socket: the end of a socket pair that is given the terminal's master side. */
  openConsole?(terminal: boolean): OwnedFd | undefined;
  /** Called when the process has sent the terminal's master side, before it runs its program. */
  onTerminal?(): void;
  /** What the program gets as its standard streams; those of the runtime where this is missing. */
  streams?: readonly OwnedFd[] | undefined;
  /** The process becomes a child of the caller's parent: clone(2), CLONE_PARENT. */
  forParent?: boolean;
  /** The first thing that the process does. */
  onBirth?: (() => void) | undefined;
  /** A detached mount to use as root filesystem in place of `root.path`. */
  rootMount?: OwnedFd | undefined;
  /** Orphans of the container become children of the runtime. */
  subreaper?: boolean;
  pidFile?: string | undefined;
  preserveFds: number;
  pivot: boolean;
  newKeyring: boolean;
  /** The caller has something more urgent than the last record and letting go of what was needed: it calls `settle`. */
  settlesLater?: boolean;
  /** The socket of a service manager, for which the program is to find one of sd_notify(3). */
  notify?: string | undefined;
  warn(text: string): void;
  explanation?: Explanation | undefined;
}

export interface Launched {
  child: Child;
  record: ContainerRecord;
  hooks: RunnableConfig['hooks'];
  /** Of a program that runs already; `start` makes its own. */
  relay: NotifyRelay | undefined;
  /** Does what is left to do; until then the record has no process. */
  settle: (() => void) | undefined;
}

/**
 * Makes a container from its configuration, up to the process that waits for its start, or with `waitForStart` off
 * runs the program. When anything fails, all that was made is unmade, and the failure is thrown.
 */
export function launchContainer(options: LaunchOptions): Launched {
  const { root, id } = options;
  setDumpable(false);
  const held = new DisposableList();
  let settle: (() => void) | undefined;
  try {
    const directory = held.add(step('claim the id', () => ContainerDirectory.claim(root, id)));
    const launched = launchIn(directory, held, options);
    if (options.settlesLater) {
      settle = () => {
        using _held = held;
        directory.save(launched.record);
      };
    }
    return { ...launched, settle };
  } finally {
    if (!settle) held[Symbol.dispose]();
  }
}

function launchIn(
  directory: ContainerDirectory,
  held: DisposableList,
  options: LaunchOptions,
): Omit<Launched, 'settle'> {
  let record: ContainerRecord | undefined;
  let child: Child | undefined;
  let relay: NotifyRelay | undefined;
  try {
    record = initialRecord(options);
    directory.save(record);
    directory.saveConfig(options.configText);
    relay = options.notify ? offerNotifySocket(options.notify, directory, options) : undefined;
    child = startProcess({ directory, record, held }, options, (made) => {
      child = made;
    });
    return { child, record, hooks: options.config.hooks, relay };
  } catch (error) {
    relay?.[Symbol.dispose]();
    const second = abandon(directory, record, child, options.forParent ?? false);
    if (second !== undefined) options.warn(`clean-up failed too: ${String(second)}`);
    const { poststop } = options.config.hooks ?? {};
    // Hooks may have run for it by now: runtime.md, "Lifecycle", steps 6 to 8.
    if (record && child && poststop) hooksPart().runPoststop(poststop, record, options.warn);
    throw error;
  }
}

function initialRecord({ id, bundle, config }: LaunchOptions): ContainerRecord {
  const record: ContainerRecord = {
    id,
    ociVersion: config.ociVersion,
    phase: 'creating',
    bundle,
    rootfs: config.root.path.startsWith('/') ? config.root.path : `${bundle}/${config.root.path}`,
    created: timestamp(),
    owner: '',
    cgroup: locateCgroup(id, config.linux?.cgroupsPath, config.linux?.resources),
  };
  if (config.annotations) record.annotations = config.annotations;
  return record;
}

/** The socket is there before a program that could look for it. */
function offerNotifySocket(
  manager: string,
  directory: ContainerDirectory,
  { config, waitForStart }: LaunchOptions,
): NotifyRelay | undefined {
  const part = lazy<typeof notify>('notify')();
  part.offerNotifySocket(manager, directory.fd, directory.path, config);
  return waitForStart ? undefined : part.NotifyRelay.open(manager, directory.fd);
}

function startProcess(
  { directory, record, held }: { directory: ContainerDirectory; record: ContainerRecord; held: DisposableList },
  options: LaunchOptions,
  onChild: (child: Child) => void,
): Child {
  const { config } = options;
  const namespaces = planNamespaces(config);
  if (namespaces.createsUser) userPart().completeMappings(config.linux as Linux);
  const prepared = held.add(takePrepared(namespaces));
  const sources = held.add(
    openSources(config, record.bundle, record.rootfs, { namespaces, rootMount: options.rootMount }),
  );
  const proc = held.add(openHostProc(config.process, config.linux));
  // A version 2 cgroup can be born in; those of version 1 are made while the process builds its root.
  if (record.cgroup.version === 2) makeCgroups(record, config);
  const memoryLimit = Number(config.linux?.resources?.memory?.limit ?? 0);
  const birth = held.add(openBirthCgroup(record.cgroup, memoryLimit));
  const listener = options.waitForStart
    ? held.add(listenUnix(shortPath(directory.fd, START_SOCKET), SOCK_SEQPACKET))
    : undefined;
  const [ours, theirs] = socketPair();
  const parentEnd = held.add(ours);
  const console = held.add(
    options.consoleSocket
      ? lazy<typeof consoleSocket>('console')().connectConsole(options.consoleSocket)
      : options.openConsole?.(config.process.terminal ?? false),
  );
  const lateCgroup = record.cgroup.version === 2 && !birth;
  const { prestart, createRuntime } = config.hooks ?? {};
  const pauses = Boolean(lateCgroup || console || prestart || createRuntime);
  const alone = !pauses && !options.waitForStart && standsAlone(namespaces, options);
  const profile = config.linux?.seccomp;
  const filter = alone && profile ? ownFilter(profile, options.root) : undefined;
  // What other processes are told while they build their root.
  const entry = alone && record.cgroup.version === 1 ? held.add(enterableCgroups(record, config)) : undefined;
  const settings: InitSettings = {
    id: record.id,
    config,
    process: config.process,
    sources,
    namespaces,
    prepared,
    cgroup: record.cgroup,
    entry,
    pauses,
    standsAlone: alone,
    filter: filter ? () => filter : profile && offeredFilter,
    pivot: options.pivot,
    newKeyring: options.newKeyring,
    console,
    startListener: listener,
    proc,
    preserveFds: options.preserveFds,
    explanation: options.explanation,
    state: (status, pid) => JSON.stringify(ociState(record, status, pid)),
    warn: (text) => new Line(theirs).tell(messages.warned, text),
  };
  const line = Line.ofRuntime(parentEnd, options);
  const child = step('clone the container process', () =>
    spawnInit(namespaces, config, birth, theirs, settings, { forParent: options.forParent ?? false, alone }, () => {
      options.onBirth?.();
      if (options.streams) {
        const others = [...(entry ? [...entry.early, ...entry.late] : []), ...(prepared?.fds ?? [])];
        takeStreams(options.streams, [theirs, proc, sources.root, ...sources.opened, listener, console, ...others]);
        return;
      }
      // The container's directory too: its lock would be held for as long as the process waits for its start.
      for (const fd of [parentEnd, directory.fd, birth]) fd?.close();
    }),
  );
  onChild(child);
  theirs.close();
  console?.close();
  if (options.subreaper) becomeSubreaper();
  guideStart(line, child, { directory, record, namespaces, pauses, alone, lateCgroup, options });
  return child;
}

const SOCK_SEQPACKET = 5;

/**
 * Whether the process can go from its birth to its program with what it is told beforehand, and nobody else is in its
 * namespaces: then it is lent our memory.
 */
function standsAlone(plan: NamespacePlan, { config, explanation }: LaunchOptions): boolean {
  const { createContainer, startContainer } = config.hooks ?? {};
  const joins = plan.joined.length > 0 || plan.userPath || plan.createsUser || plan.createsTime;
  return !joins && !createContainer && !startContainer && !explanation;
}

function spawnInit(
  plan: NamespacePlan,
  config: RunnableConfig,
  birth: OwnedFd | undefined,
  theirs: OwnedFd,
  settings: InitSettings,
  { forParent, alone }: { forParent: boolean; alone: boolean },
  closeOthers: () => void,
): Child {
  const body = () => {
    closeOthers();
    return runInit(theirs, settings);
  };
  if (plan.joined.length > 0 || plan.userPath || plan.createsTime) {
    return lazy<typeof joining>('joining')().cloneJoined(plan, config, birth, forParent, body);
  }
  const clone = alone ? lendMemory : cloneProcess;
  const flags = plan.cloneFlags & ~(settings.prepared?.flags ?? 0);
  return clone({ flags: flags | (forParent ? CLONE_PARENT : 0), cgroup: birth }, body);
}

function makeCgroups(record: ContainerRecord, config: RunnableConfig): void {
  step('make cgroups', () => makeCgroup(record.cgroup, config.linux?.resources));
}

/** Makes the cgroups of version 1: the ways into them. */
function enterableCgroups(record: ContainerRecord, config: RunnableConfig): CgroupEntry {
  makeCgroups(record, config);
  return openEntry(record.cgroup);
}

/** The same for a process that is there already. */
function offerCgroups(line: Line, record: ContainerRecord, config: RunnableConfig): void {
  using entry = enterableCgroups(record, config);
  const fds = [...entry.early, ...entry.late].map((fd) => fd.number);
  line.tell(messages.cgroups, String(entry.late.length), fds);
}

interface Guidance {
  directory: ContainerDirectory;
  record: ContainerRecord;
  namespaces: NamespacePlan;
  pauses: boolean;
  alone: boolean;
  lateCgroup: boolean;
  options: LaunchOptions;
}

/** The runtime's half of a start: what the process cannot do for itself, while it builds its root. */
function guideStart(line: Line, child: Child, guidance: Guidance): void {
  const { directory, record, namespaces, pauses, alone, lateCgroup, options } = guidance;
  const { config } = options;
  try {
    if (!alone) setOomScore(child.pid, config.process, options.warn);
    if (namespaces.createsUser || namespaces.userPath) raiseLimits(child.pid, config.process.rlimits ?? []);
    if (namespaces.createsUser) {
      const { uidMappings = [], gidMappings = [] } = config.linux ?? {};
      step('map ids', () => userPart().writeIdMappings(child.pid, uidMappings, gidMappings));
      line.tell(messages.mapped);
    }
    if (!alone && record.cgroup.version === 1) offerCgroups(line, record, config);
    if (pauses) {
      line.await(messages.built);
      if (lateCgroup) step('join the cgroup', () => attachProcess(record.cgroup, child.pid));
      options.onTerminal?.();
      runRuntimeHooks(child, guidance);
      line.tell(messages.goOn);
    }
    if (!alone && config.linux?.seccomp) offerFilter(line, config.linux.seccomp, options.root);
    line.await(messages.prepared);
    record.pid = child.pid;
    record.startTime = processFacts(child.pid)?.startTime ?? 0;
    record.phase = 'created';
    if (!options.settlesLater) directory.save(record);
    if (options.pidFile) writePidFile(options.pidFile, child.pid);
    if (options.waitForStart) {
      line.tell(messages.recorded);
      line.await(messages.detached);
    }
    // The program runs when the line ends without a failure; a created container ends it when it waits for its start.
    line.next(messages.prepared);
  } catch (error) {
    throw error instanceof SilentEnd ? explainDeath(child, record, options.forParent ?? false) : error;
  }
}

function runRuntimeHooks(child: Child, { record, options }: Guidance): void {
  const { prestart, createRuntime } = options.config.hooks ?? {};
  if (!prestart && !createRuntime) return;
  const state = JSON.stringify(ociState(record, 'creating', child.pid));
  const surroundings = { directory: record.bundle, container: child.pidfd };
  if (prestart) hooksPart().runHooks('prestart', prestart, state, surroundings);
  if (createRuntime) hooksPart().runHooks('createRuntime', createRuntime, state, surroundings);
}

/** The process ended without a word: only the kernel or another process can have done that. */
function explainDeath(child: Child, record: ContainerRecord, forParent: boolean): ProaError {
  // Only a parent is told how: of others it can be seen that it is gone.
  const reason = forParent ? undefined : waitForChild(child);
  if (forParent) waitForEnd(child.pidfd);
  return lazy<typeof oom>('oom')().explainDeath(reason, record.cgroup);
}

/** Unmakes a start that failed; returns what failed in doing so. */
function abandon(
  directory: ContainerDirectory,
  record: ContainerRecord | undefined,
  child: Child | undefined,
  forParent: boolean,
): unknown {
  try {
    if (child) {
      signalProcess(child.pidfd, SIGKILL);
      try {
        if (forParent) waitForEnd(child.pidfd);
        else waitForChild(child);
      } catch {
        // Reaped already, when its death was what failed.
      }
    }
    if (record) removeCgroup(record.cgroup);
    directory.remove();
    return undefined;
  } catch (error) {
    return error;
  }
}

function writePidFile(path: string, pid: number): void {
  step(`write pid file "${path}"`, () => replaceFile(path, String(pid), 0o644));
}
