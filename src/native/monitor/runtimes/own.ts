import { ProaError } from '#common/errors.ts';
import type { ContainerRequest } from '#common/protocol/container.ts';
import type { Config, Process } from '#common/runtime-spec/types.ts';
import { beginExec, canBeginExec, type ExecBeginning } from '#runtime/begin-exec.ts';
import { type Bundle, loadBundle } from '#runtime/bundle.ts';
import * as remove from '#runtime/commands/delete.ts';
import type { Context } from '#runtime/context.ts';
import { destroyAtOnce } from '#runtime/destroy.ts';
import { execProcess, inheritFrom } from '#runtime/exec.ts';
import { launchContainer } from '#runtime/launch.ts';
import { ownConsole } from '#runtime/process/console.ts';
import { type Beginning, beginProcess, runPoststart, startProcess } from '#runtime/start.ts';
import { ContainerDirectory, type ContainerRecord } from '#runtime/state/store.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { giveUpProtection } from '../oom-score.ts';
import type { Streams } from '../streams.ts';
import type { Created, DriverPlaces, ExecProcess, RuntimeDriver, Started } from './driver.ts';
import { withInit } from './init.ts';
import { mountOverlay } from './overlay.ts';

/** Our own runtime, without another program: its code is here already. */
export class OwnRuntime implements RuntimeDriver {
  readonly #request: ContainerRequest;
  readonly #context: Context;
  readonly #init: string;
  /** Just read, and about to be used. */
  #loaded: Bundle | undefined;

  constructor(request: ContainerRequest, { root, init }: DriverPlaces) {
    this.#request = request;
    this.#init = init;
    this.#context = { root, warn: () => {}, debug: () => {} };
  }

  /** Hooks last as long as they like, and a helper waits for them. What is wrong with the bundle is told when it is made. */
  makesQuickly(): boolean {
    try {
      const loaded = this.#load();
      if (loaded.config.hooks) return false;
      this.#loaded = loaded;
    } catch {
      // As above.
    }
    return true;
  }

  #load(): Bundle {
    return loadBundle(this.#request.bundle, undefined, this.#context.warn, this.#context.root);
  }

  create(streams: Streams, { start, helping }: { start: boolean; helping: boolean }): Created {
    const { id, overlay } = this.#request;
    const { root, warn } = this.#context;
    const { path, config: wanted, text } = this.#loaded ?? this.#load();
    this.#loaded = undefined;
    const config = this.#request.init ? withInit(wanted, this.#init) : wanted;
    using rootMount = overlay ? mountOverlay(overlay) : undefined;
    const console = config.process.terminal ? ownConsole() : undefined;
    let terminal: OwnedFd | undefined;
    const { record, child, hooks, settle } = launchContainer({
      root,
      id,
      bundle: path,
      config,
      configText: text,
      waitForStart: !start,
      streams: streams.given,
      forParent: helping,
      settlesLater: start && !helping,
      // A helper has done so before.
      onBirth: helping ? undefined : giveUpProtection,
      rootMount,
      openConsole: () => console?.give,
      onTerminal() {
        if (console) terminal = streams.receiveTerminal(console);
      },
      preserveFds: 0,
      pivot: true,
      newKeyring: true,
      warn,
    });
    if (start) runPoststart(this.#context, record, hooks);
    const { pid, pidfd } = child;
    return { record, pid, pidfd, terminal, settle, beginsAlone: !hooks?.poststart, beginsExecs: canBeginExec(config) };
  }

  start(record: ContainerRecord): void {
    using directory = ContainerDirectory.open(this.#context.root, record.id);
    startProcess(directory);
    const { hooks } = directory.loadConfig();
    // A hook that fails unmakes the container, and for that its record must be free.
    directory.fd.close();
    runPoststart(this.#context, record, hooks);
  }

  begin(record: ContainerRecord): Beginning | undefined {
    using directory = ContainerDirectory.openIfFree(this.#context.root, record.id);
    return directory && beginProcess(directory);
  }

  beginExec(
    wanted: ExecProcess,
    record: ContainerRecord,
    target: OwnedFd,
    streams: Streams,
  ): ExecBeginning | undefined {
    if ('terminal' in wanted && wanted.terminal) return undefined;
    const { id, cgroup } = record;
    const load = () => {
      giveUpProtection();
      return this.#loadExec(wanted, id);
    };
    return beginExec({
      root: this.#context.root,
      id,
      target,
      pid: record.pid as number,
      cgroup,
      streams: streams.given,
      load,
    });
  }

  exec(wanted: ExecProcess, record: ContainerRecord, target: OwnedFd, streams: Streams): Started {
    const { config, process } = this.#loadExec(wanted, record.id);
    const console = process.terminal ? ownConsole() : undefined;
    let terminal: OwnedFd | undefined;
    const { pid, pidfd } = execProcess({
      root: this.#context.root,
      id: record.id,
      config,
      process,
      target,
      pid: record.pid as number,
      cgroup: record.cgroup,
      console: console?.give,
      onTerminal() {
        if (console) terminal = streams.receiveTerminal(console);
      },
      pidFile: undefined,
      preserveFds: 0,
      subreaper: false,
      streams: streams.given,
      forParent: true,
      warn: () => {},
    });
    return { pid, pidfd, terminal };
  }

  #loadExec(wanted: ExecProcess, id: string): { config: Config; process: Process } {
    using directory = ContainerDirectory.open(this.#context.root, id);
    const config = directory.loadConfig(this.#context.root);
    const process =
      'like' in wanted ? likeContainer(config.process as Process, wanted.args) : inheritFrom(config, wanted);
    return { config, process };
  }

  checkpoint(): void {
    throw new ProaError('checkpoints are not supported by proa-runtime yet', {
      kind: 'unsupported',
      remedy: 'Make the container with a runtime that has them, such as runc or crun with CRIU',
    });
  }

  destroy(id: string): void {
    remove.run(this.#context, ['--force', id]);
  }

  destroyAtOnce(record: ContainerRecord): boolean {
    return destroyAtOnce(this.#context.root, record);
  }
}

/** A check of health is the container's own process with other arguments. */
export function likeContainer(process: Process, args: string[]): Process {
  return { ...process, args, terminal: false };
}
