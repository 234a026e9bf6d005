import type { ContainerRequest } from '#common/protocol/container.ts';
import type { Hooks, Process } from '#common/runtime-spec/types.ts';
import { loadBundle } from '#runtime/bundle.ts';

import { destroyContainer } from '#runtime/destroy.ts';
import { launchContainer } from '#runtime/launch.ts';
import { ownConsole } from '#runtime/process/console.ts';
import { runPoststart, startProcess } from '#runtime/start.ts';
import { ContainerDirectory, type ContainerRecord } from '#runtime/state/store.ts';
import type { Child } from '#sys/processes.ts';
import { mountOverlay } from './overlay.ts';
import type { Streams } from './streams.ts';

/** A container that our own runtime made in this process. */
export interface Made {
  child: Child;
  record: ContainerRecord;
  hooks: Hooks | undefined;
  process: Process;
}

export interface MakeOptions {
  /** Where the runtime records it. */
  root: string;
  /** The program runs at once. */
  start: boolean;
  openStreams(terminal: boolean): Streams;
  warn(text: string): void;
}

/** Makes the container; where that fails nothing of it is left. */
export function makeContainer(request: ContainerRequest, options: MakeOptions): Made {
  const { path, config, text } = loadBundle(request.bundle, undefined, options.warn);
  using rootMount = request.overlay ? mountOverlay(request.overlay) : undefined;
  const streams = options.openStreams(config.process.terminal ?? false);
  let console: ReturnType<typeof ownConsole> | undefined;
  const launched = launchContainer({
    root: options.root,
    id: request.id,
    bundle: path,
    config,
    configText: text,
    waitForStart: !options.start,
    streams: streams.given,
    rootMount,
    openConsole(terminal) {
      if (!terminal) return undefined;
      console = ownConsole();
      return console.give;
    },
    onTerminal() {
      if (console) streams.takeTerminal(console.receive());
    },
    preserveFds: 0,
    pivot: true,
    newKeyring: true,
    warn: options.warn,
  });
  streams.closeGiven();
  if (options.start) runPoststart(launched.record, launched.child.pid, launched.hooks);
  return { ...launched, process: config.process };
}

/** Lets a made container run its program. */
export function startMade({ record }: Made, root: string): void {
  using directory = ContainerDirectory.open(root, record.id);
  startProcess(directory, record);
}

/** Ends what still runs of a container whose first process has ended, and unmakes it. */
export function destroyMade({ record, hooks }: Made, root: string, warn: (text: string) => void): void {
  const context = { root, warn, debug: () => {} };
  destroyContainer(context, record, { hooks });
}
