import { ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { lazy } from '#common/lazy.ts';
import type { ContainerRequest } from '#common/protocol/container.ts';
import type { Config, Mount, Process } from '#common/runtime-spec/types.ts';
import { cgroupOfProcess } from '#runtime/cgroups/of-process.ts';
import type * as foundSources from '#runtime/rootfs/found-sources.ts';
import { planMount, SUBDIRECTORY } from '#runtime/rootfs/mount-options.ts';
import type { ContainerRecord } from '#runtime/state/store.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { statusOf } from '#sys/file-status.ts';
import { makeDirectories, openPath, readText, readTextIfAny, removeFile, writeFile } from '#sys/files.ts';
import { attachMount, setPropagation } from '#sys/mounts.ts';
import { unshareNamespaces } from '#sys/namespaces.ts';
import { openProcess, processFacts, waitForChild } from '#sys/processes.ts';
import { MS_PRIVATE } from '#sys/raw/mount.ts';
import { CLONE_NEWNS, getpid } from '#sys/raw/process.ts';
import { acceptConnection, listenUnix, receiveMessage } from '#sys/sockets.ts';
import { spawnProgram } from '#sys/spawn.ts';
import { timestamp } from '#sys/time.ts';
import type { Streams } from '../streams.ts';
import type { DriverPlaces, ExecProcess, RuntimeDriver, Started } from './driver.ts';
import { withInit } from './init.ts';
import { mountOverlay } from './overlay.ts';
import { likeContainer } from './own.ts';

const foundPart = lazy<typeof foundSources>('found-sources');

const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

/** Of the specification: runtimes refuse a later one than they know, also where nothing of it is wanted. */
const OLD_VERSION = '1.0.2';

/** Another OCI runtime, by the command line that runc has and the others share. */
export class ForeignRuntime implements RuntimeDriver {
  readonly #request: ContainerRequest;
  readonly #path: string;
  readonly #options: readonly string[];
  readonly #directory: string;
  readonly #init: string;

  constructor(
    request: ContainerRequest,
    { path, args = [] }: NonNullable<ContainerRequest['runtime']>,
    { directory, init }: DriverPlaces,
  ) {
    this.#request = request;
    this.#path = path;
    this.#options = args;
    this.#directory = directory;
    this.#init = init;
  }

  makesQuickly(): boolean {
    return false;
  }

  create(streams: Streams, { start }: { start: boolean; helping: boolean }): Started & { record: ContainerRecord } {
    const { id, overlay, init } = this.#request;
    const config = this.#config();
    const rootfs = overlay ? `${this.#directory}/rootfs` : rootPath(this.#request.bundle, config);
    if (overlay) attachOverlay(overlay, rootfs);
    const found = attachFound(config.mounts ?? [], this.#directory);
    const changed = overlay || init || found;
    const bundle = changed ? this.#bundleOf(config, rootfs) : this.#request.bundle;
    try {
      const started = this.#startProgram(['create', '--bundle', bundle], [id], streams, config.process?.terminal);
      const { pid, pidfd } = started;
      if (!pidfd) throw new ProaError('the container process is gone', { kind: 'internal' });
      const record: ContainerRecord = {
        id,
        ociVersion: config.ociVersion,
        phase: 'created',
        bundle,
        rootfs,
        created: timestamp(),
        owner: '',
        cgroup: cgroupOfProcess(pid),
        pid,
        startTime: processFacts(pid)?.startTime ?? 0,
      };
      if (start) this.start(record);
      return { ...started, record };
    } catch (error) {
      try {
        this.destroy(id);
      } catch {
        // Often there is nothing to unmake; what failed first is what counts.
      }
      throw error;
    }
  }

  start({ id }: ContainerRecord): void {
    this.#call(['start', id]);
  }

  exec(wanted: ExecProcess, { id }: ContainerRecord, _target: OwnedFd, streams: Streams): Started {
    const process = 'like' in wanted ? likeContainer(this.#config().process as Process, wanted.args) : wanted;
    const file = this.#file('process.json');
    writeFile(file, JSON.stringify(process), { create: 0o600 });
    try {
      return this.#startProgram(['exec', '--detach', '--process', file], [id], streams, process.terminal);
    } finally {
      removeFile(file);
    }
  }

  checkpoint(id: string, directory: string, { leaveRunning }: { leaveRunning: boolean }): void {
    this.#call(['checkpoint', '--image-path', directory, ...(leaveRunning ? ['--leave-running'] : []), id]);
  }

  destroy(id: string): void {
    this.#call(['delete', '--force', id]);
  }

  /** Beside the bundle of the request, which is not ours to change. */
  #bundleOf(config: Config, rootfs: string): string {
    const bundle = `${this.#directory}/bundle`;
    makeDirectories(bundle, 0o700);
    const rooted = { ...config, ociVersion: OLD_VERSION, root: { ...config.root, path: rootfs } };
    const changed = this.#request.init ? withInit(rooted, this.#init) : rooted;
    writeFile(`${bundle}/config.json`, stringifyJson(changed), { create: 0o600 });
    return bundle;
  }

  #config(): Config {
    return JSON.parse(readText(`${this.#request.bundle}/config.json`)) as Config;
  }

  /** A command that leaves a process behind, and tells its number in a file and its terminal through a socket. */
  #startProgram(
    command: readonly string[],
    names: readonly string[],
    streams: Streams,
    withTerminal: boolean | undefined,
  ): Started {
    const pidFile = this.#file('pid');
    const socketPath = this.#file('console');
    using listener = withTerminal ? listenUnix(socketPath) : undefined;
    try {
      const console = listener ? ['--console-socket', socketPath] : [];
      this.#call([...command, '--pid-file', pidFile, ...console, ...names], streams.given);
      const pid = Number(readText(pidFile));
      const terminal = listener && streams.receiveTerminal({ receive: () => receiveMaster(listener) });
      return { pid, pidfd: openProcess(pid), terminal };
    } finally {
      removeFile(pidFile);
      if (listener) removeFile(socketPath);
    }
  }

  /** Several helpers may work for one container at a time: each has its own. */
  #file(name: string): string {
    return `${this.#directory}/helper-${getpid()}.${name}`;
  }

  /** Runs a command to its end; its standard streams are those of the program that it starts, so errors come by a log. */
  #call(words: readonly string[], streams: readonly OwnedFd[] = []): void {
    const log = this.#file('log');
    const args = [this.#path, ...this.#options, '--log', log, '--log-format', 'json', ...words];
    const child = spawnProgram({ path: this.#path, args, environment, streams });
    child.pidfd.close();
    const { code } = waitForChild(child);
    const complaint = readTextIfAny(log) ?? '';
    removeFile(log);
    if (code === 0) return;
    const reason = lastError(complaint);
    throw new ProaError(`${this.#path} ${words[0]}: ${reason ?? `exit status ${code}`}`, { kind: 'internal' });
  }
}

function rootPath(bundle: string, { root }: Config): string {
  const path = root?.path ?? 'rootfs';
  return path.startsWith('/') ? path : `${bundle}/${path}`;
}

/**
 * Other programs find mounts by their paths alone. These have one in a mount namespace of this helper, of which the
 * container's is a copy: the host's mount table never shows it, and nobody has to take it away.
 */
function separateMounts(): void {
  unshareNamespaces(CLONE_NEWNS, 'mount');
  setPropagation('/', MS_PRIVATE);
}

function attachOverlay(overlay: NonNullable<ContainerRequest['overlay']>, path: string): void {
  makeDirectories(path, 0o700);
  separateMounts();
  using mount = mountOverlay(overlay);
  using target = openPath(path);
  attachMount(mount, target, path);
}

/** Sources that a path alone does not lead to have one below `directory` from now on. Whether there are any. */
function attachFound(mounts: Mount[], directory: string): boolean {
  let any = false;
  for (const [at, mount] of mounts.entries()) {
    const { bind, source = '', subdirectory, recursive } = planMount(mount);
    if (!bind || (subdirectory === undefined && !source.startsWith('/proc/'))) continue;
    using tree = foundPart().cloneFound({ source, subdirectory, recursive });
    if (!tree) continue;
    if (!any) separateMounts();
    const path = `${directory}/mount-${at}`;
    if (statusOf(tree.number).kind === 'directory') makeDirectories(path, 0o700);
    else writeFile(path, '', { create: 0o600 });
    using target = openPath(path);
    attachMount(tree, target, path);
    mount.source = path;
    mount.options = mount.options?.filter((option) => !option.startsWith(SUBDIRECTORY)) ?? [];
    any = true;
  }
  return any;
}

function receiveMaster(listener: OwnedFd): OwnedFd {
  using connection = acceptConnection(listener);
  const master = receiveMessage(connection)?.fds[0];
  if (!master) throw new ProaError('the runtime sent no terminal', { kind: 'internal' });
  return master;
}

/** The last thing that went wrong by a log of lines of JSON, as runc writes it. */
function lastError(log: string): string | undefined {
  for (const line of log.split('\n').reverse()) {
    if (!line.includes('"error"')) continue;
    try {
      return (JSON.parse(line) as { msg?: string }).msg;
    } catch {
      // A line that was cut off.
    }
  }
  return undefined;
}
