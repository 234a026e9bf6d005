import type { Loop } from '#loop/loop.ts';
import type { ExecBeginning } from '#runtime/begin-exec.ts';
import type { ContainerRecord } from '#runtime/state/store.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { type Child, SIGKILL, signalProcess } from '#sys/processes.ts';
import { type HelperOptions, inHelper } from './helper.ts';
import type { ExecProcess, RuntimeDriver, Started } from './runtimes/driver.ts';
import type { Streams } from './streams.ts';

/** A container that was made; its first process is this process's child. */
export interface Made {
  pid: number;
  pidfd: OwnedFd;
  record: ContainerRecord;
  streams: Streams;
  /** It can be started without a helper. */
  beginsAlone: boolean;
  /** Further processes can be started without a helper. */
  beginsExecs: boolean;
  /** What is left to do when whoever waits has been told. */
  settle?: (() => void) | undefined;
}

/** Makes the container, and with `start` runs its program; where that fails nothing of it is left. */
export async function makeContainer(
  loop: Loop,
  driver: RuntimeDriver,
  { streams, start, standingStill }: { streams: Streams; start: boolean; standingStill: boolean },
): Promise<Made> {
  const create = (helping: boolean) => {
    const created = driver.create(streams, { start, helping });
    const { record, beginsAlone = false, beginsExecs = false, settle, ...started } = created;
    return { ...started, settle, answer: { record, beginsAlone, beginsExecs } };
  };
  try {
    const made = standingStill ? take(streams, create(false)) : await startInHelper(loop, streams, () => create(true));
    const { answer, pidfd } = made;
    const settle = 'settle' in made ? (made.settle as Made['settle']) : undefined;
    return { pid: answer.record.pid as number, pidfd: pidfd as OwnedFd, streams, settle, ...answer };
  } catch (error) {
    streams[Symbol.dispose]();
    throw error;
  }
}

/** Runs a further process of the container on `streams`. */
export async function execInContainer(
  loop: Loop,
  driver: RuntimeDriver,
  { record, pidfd: target, beginsExecs }: Made,
  process: ExecProcess,
  streams: Streams,
  options: Pick<HelperOptions, 'begun'>,
): Promise<{ pid: number; pidfd: OwnedFd | undefined }> {
  const beginning = beginsExecs ? driver.beginExec?.(process, record, target, streams) : undefined;
  if (beginning) return await finishExec(loop, beginning, streams, options);
  const { answer, pidfd } = await startInHelper(
    loop,
    streams,
    () => {
      const started = driver.exec(process, record, target, streams);
      return { ...started, answer: started.pid };
    },
    options,
  );
  return { pid: answer, pidfd };
}

async function finishExec(
  loop: Loop,
  { child, socket, hear }: ExecBeginning,
  streams: Streams,
  { begun }: Pick<HelperOptions, 'begun'>,
): Promise<Child> {
  using _socket = socket;
  streams.closeGiven();
  begun?.(() => signalProcess(child.pidfd, SIGKILL));
  try {
    do await loop.ready(socket.number, 'readable');
    while (!hear());
    return child;
  } catch (error) {
    child.pidfd.close();
    throw error;
  }
}

/** The handles come with the answer: the process may have ended and been reaped before that is read. */
async function startInHelper<T>(
  loop: Loop,
  streams: Streams,
  start: () => Started & { answer: T },
  options?: HelperOptions,
): Promise<{ answer: T; pidfd: OwnedFd | undefined }> {
  const { answer, fds } = await inHelper(
    loop,
    () => {
      const { answer, pidfd, terminal } = start();
      const kinds = [pidfd ? 'pidfd' : '', terminal ? 'terminal' : ''].filter(Boolean);
      return { answer: { answer, kinds }, fds: [pidfd, terminal].flatMap((fd) => fd ?? []) };
    },
    options,
  );
  const taken = (kind: string) => fds[answer.kinds.indexOf(kind)];
  return take(streams, { answer: answer.answer, pidfd: taken('pidfd'), terminal: taken('terminal') });
}

/** What it was given is its own now, and its terminal ours. */
function take<T extends Pick<Started, 'terminal'>>(streams: Streams, started: T): T {
  streams.closeGiven();
  if (started.terminal) streams.takeTerminal(started.terminal);
  return started;
}
