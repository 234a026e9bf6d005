import type { ContainerRequest } from '#common/protocol/container.ts';
import type { Loop } from '#loop/loop.ts';
import { loadBundle } from '#runtime/bundle.ts';
import { destroyContainer } from '#runtime/destroy.ts';
import { launchContainer } from '#runtime/launch.ts';
import { ownConsole } from '#runtime/process/console.ts';
import { runPoststart, startProcess } from '#runtime/start.ts';
import { ContainerDirectory, type ContainerRecord } from '#runtime/state/store.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { inHelper } from './helper.ts';
import { mountOverlay } from './overlay.ts';
import { type Sink, Streams } from './streams.ts';

/** A container that our own runtime made; its first process is this process's child. */
export interface Made {
  pid: number;
  pidfd: OwnedFd;
  record: ContainerRecord;
  streams: Streams;
}

export interface MakeOptions {
  loop: Loop;
  /** Where the runtime records it. */
  root: string;
  /** The program runs at once. */
  start: boolean;
  sink: Sink;
}

/** Makes the container; where that fails nothing of it is left. */
export async function makeContainer(request: ContainerRequest, options: MakeOptions): Promise<Made> {
  const { loop, root, start, sink } = options;
  const streams = new Streams(loop, { stdin: request.stdin, sink });
  try {
    const { answer, fds } = await inHelper(loop, () => launchInHelper(request, root, start, streams));
    streams.closeGiven();
    const [pidfd, terminal] = fds;
    if (terminal) streams.takeTerminal(terminal);
    return { pid: answer.pid as number, pidfd: pidfd as OwnedFd, record: answer, streams };
  } catch (error) {
    streams[Symbol.dispose]();
    throw error;
  }
}

function launchInHelper(
  request: ContainerRequest,
  root: string,
  start: boolean,
  streams: Streams,
): { answer: ContainerRecord; fds: OwnedFd[] } {
  const warn = () => {};
  const { path, config, text } = loadBundle(request.bundle, undefined, warn);
  using rootMount = request.overlay ? mountOverlay(request.overlay) : undefined;
  const terminals: OwnedFd[] = [];
  let console: ReturnType<typeof ownConsole> | undefined;
  const launched = launchContainer({
    root,
    id: request.id,
    bundle: path,
    config,
    configText: text,
    waitForStart: !start,
    streams: streams.given,
    forParent: true,
    rootMount,
    openConsole(terminal) {
      if (!terminal) return undefined;
      console = ownConsole();
      return console.give;
    },
    onTerminal() {
      if (console) terminals.push(streams.receiveTerminal(console));
    },
    preserveFds: 0,
    pivot: true,
    newKeyring: true,
    warn,
  });
  const { record, child, hooks } = launched;
  if (start) runPoststart({ root, warn, debug: warn }, record, hooks);
  // The process may have ended and been reaped before this is read: a handle on it is good all the same.
  return { answer: record, fds: [child.pidfd, ...terminals] };
}

/** Lets a made container run its program. */
export async function startMade({ record }: Made, { loop, root }: { loop: Loop; root: string }): Promise<void> {
  await inHelper(loop, () => {
    using directory = ContainerDirectory.open(root, record.id);
    startProcess(directory);
    const { hooks } = directory.loadConfig();
    // A hook that fails unmakes the container, and for that its record must be free.
    directory.fd.close();
    runPoststart({ root, warn: () => {}, debug: () => {} }, record, hooks);
    return { answer: null };
  });
}

/** Ends what still runs of a container whose first process has ended, and unmakes it. */
export function destroyMade({ record }: Made, root: string): void {
  destroyContainer({ root, warn: () => {}, debug: () => {} }, record);
}
