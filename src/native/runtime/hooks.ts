import { describe, ProaError } from '#common/errors.ts';
import type { Hook, Hooks } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, pipe } from '#sys/fd.ts';
import { type Child, SIGKILL, signalProcess, waitForChild } from '#sys/processes.ts';
import { read, write } from '#sys/raw/file.ts';
import { EPOLLIN, pollfd, ppoll } from '#sys/raw/wait.ts';
import { ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { spawnProgram } from '#sys/spawn.ts';
import { monotonicMicroseconds, timespec } from '#sys/time.ts';
import { ociState } from './state/oci-state.ts';
import type { ContainerRecord } from './state/store.ts';

/**
 * Runs hooks in order, each with the container's state on its standard input. The first that fails, or takes longer
 * than its timeout, is an error. runtime-spec, config.md, "POSIX-platform Hooks".
 */
export function runHooks(
  kind: keyof Hooks,
  hooks: readonly Hook[],
  state: string,
  surroundings: HookSurroundings = {},
): void {
  for (const hook of hooks) step(`run ${kind} hook "${hook.path}"`, () => runHook(hook, state, surroundings));
}

export interface HookSurroundings {
  /** Where it begins, if that is there: by default, where the caller is. */
  directory?: string;
  /** The container's process: when that has ended, there is nothing left to do for a hook. */
  container?: OwnedFd;
}

/** Hooks of a container that is gone: each runs whatever happens to those before it. runtime.md, "Lifecycle", step 13. */
export function runPoststop(hooks: readonly Hook[], record: ContainerRecord, warn: (text: string) => void): void {
  const state = JSON.stringify(ociState(record, 'stopped', 0));
  for (const hook of hooks) {
    try {
      runHooks('poststop', [hook], state, { directory: record.bundle });
    } catch (error) {
      warn(describe(error));
    }
  }
}

const OUTPUT_LIMIT = 4096;

function runHook({ path, args, env, timeout }: Hook, state: string, { directory, container }: HookSurroundings): void {
  const [stateRead, stateWrite] = pipe();
  const [outputRead, outputWrite] = pipe();
  using input = stateWrite;
  using output = outputRead;
  const child = spawnProgram({
    path,
    args: args?.length ? args : [path],
    environment: env ?? [],
    streams: [stateRead, outputWrite, outputWrite],
    directory,
  });
  stateRead.close();
  outputWrite.close();
  using pidfd = child.pidfd;
  const bytes = utf8(state);
  // A state is far smaller than a pipe, so this never blocks; a hook that does not read it is none of our business.
  ignoreSignal(SIGPIPE);
  write(input.number, bytes, bytes.length);
  input.close();
  const deadline = timeout === undefined ? undefined : monotonicMicroseconds() + timeout * 1e6;
  const text = collect(output, pidfd, deadline, container);
  if (typeof text === 'string') {
    reportEnd(child, text);
    return;
  }
  signalProcess(pidfd, SIGKILL);
  waitForChild(child);
  if (text.interrupted === 'container')
    throw new ProaError('the container’s process has ended meanwhile', { kind: 'conflict' });
  throw new ProaError(`no end after ${timeout} s`, {
    kind: 'unavailable',
    remedy: 'Raise the timeout of the hook, or mend it',
  });
}

function reportEnd(child: Child, text: string): void {
  const reason = waitForChild(child);
  if (reason.code === 0) return;
  const how = reason.signal === undefined ? `exit status ${reason.code}` : `signal ${reason.signal}`;
  throw new ProaError(text.trim() === '' ? how : `${how}, output: ${text.trim()}`, { kind: 'internal' });
}

/** The beginning of what the hook writes, until it ends. Children that it leaves behind may keep the pipe open. */
function collect(
  output: OwnedFd,
  hook: OwnedFd,
  deadline: number | undefined,
  container: OwnedFd | undefined,
): string | { interrupted: 'container' | 'deadline' } {
  let text = '';
  const buffer = new Uint8Array(OUTPUT_LIMIT);
  const fds = new Uint8Array(pollfd.size * 3);
  const ready = (index: number) => pollfd.get(fds, 'revents', pollfd.size * index) !== 0;
  let reading = true;
  for (;;) {
    const watched = [reading ? output.number : -1, hook.number, container?.number ?? -1];
    for (const [index, fd] of watched.entries()) fds.set(pollfd.pack({ fd, events: EPOLLIN }), pollfd.size * index);
    let time: Uint8Array | null = null;
    if (deadline !== undefined) {
      const left = deadline - monotonicMicroseconds();
      if (left <= 0) return { interrupted: 'deadline' };
      time = timespec.pack({ sec: Math.floor(left / 1e6), nsec: Math.floor(left % 1e6) * 1000 });
    }
    check(
      uninterrupted(() => ppoll(fds, watched.length, time)),
      'ppoll',
      'hook',
    );
    if (ready(0)) {
      const count = check(
        uninterrupted(() => read(output.number, buffer, buffer.length)),
        'read',
        'hook output',
      );
      if (count === 0) reading = false;
      else if (text.length < OUTPUT_LIMIT) text += textOf(buffer, count);
    } else if (ready(1)) return text;
    else if (ready(2)) return { interrupted: 'container' };
  }
}
