import { ProaError } from '#common/errors.ts';
import type { Hook, Hooks } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { pipe } from '#sys/fd.ts';
import { type Child, SIGKILL, signalProcess, waitForChild } from '#sys/processes.ts';
import { read, write } from '#sys/raw/file.ts';
import { EPOLLIN, pollfd, ppoll } from '#sys/raw/wait.ts';
import { ignoreSignal, SIGPIPE } from '#sys/signals.ts';
import { spawnProgram } from '#sys/spawn.ts';
import { monotonicMicroseconds, timespec } from '#sys/time.ts';

/**
 * Runs hooks in order, each with the container's state on its standard input. The first that fails, or takes longer
 * than its timeout, is an error. runtime-spec, config.md, "POSIX-platform Hooks".
 */
export function runHooks(kind: keyof Hooks, hooks: readonly Hook[], state: string): void {
  for (const hook of hooks) step(`run ${kind} hook "${hook.path}"`, () => runHook(hook, state));
}

const OUTPUT_LIMIT = 4096;

function runHook({ path, args, env, timeout }: Hook, state: string): void {
  const [stateRead, stateWrite] = pipe();
  const [outputRead, outputWrite] = pipe();
  using input = stateWrite;
  using output = outputRead;
  const child = spawnProgram({
    path,
    args: args?.length ? args : [path],
    environment: env ?? [],
    streams: [stateRead, outputWrite, outputWrite],
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
  const text = collect(output.number, pidfd.number, deadline, () => {
    signalProcess(pidfd, SIGKILL);
    waitForChild(child);
    throw new ProaError(`no end after ${timeout} s`, {
      kind: 'unavailable',
      remedy: 'Raise the timeout of the hook, or mend it',
    });
  });
  reportEnd(child, text);
}

function reportEnd(child: Child, text: string): void {
  const reason = waitForChild(child);
  if (reason.code === 0) return;
  const how = reason.signal === undefined ? `exit status ${reason.code}` : `signal ${reason.signal}`;
  throw new ProaError(text.trim() === '' ? how : `${how}, output: ${text.trim()}`, { kind: 'internal' });
}

/** The beginning of what the hook writes, until it ends. Children that it leaves behind may keep the pipe open. */
function collect(output: number, pidfd: number, deadline: number | undefined, onTimeout: () => never): string {
  let text = '';
  const buffer = new Uint8Array(OUTPUT_LIMIT);
  const fds = new Uint8Array(pollfd.size * 2);
  let reading = true;
  for (;;) {
    fds.set(pollfd.pack({ fd: reading ? output : -1, events: EPOLLIN }));
    fds.set(pollfd.pack({ fd: pidfd, events: EPOLLIN }), pollfd.size);
    let time: Uint8Array | null = null;
    if (deadline !== undefined) {
      const left = deadline - monotonicMicroseconds();
      if (left <= 0) onTimeout();
      time = timespec.pack({ sec: Math.floor(left / 1e6), nsec: Math.floor(left % 1e6) * 1000 });
    }
    check(
      uninterrupted(() => ppoll(fds, 2, time)),
      'ppoll',
      'hook',
    );
    if (pollfd.get(fds, 'revents') !== 0) {
      const count = check(
        uninterrupted(() => read(output, buffer, buffer.length)),
        'read',
        'hook output',
      );
      if (count === 0) reading = false;
      else if (text.length < OUTPUT_LIMIT) text += textOf(buffer, count);
    } else if (pollfd.get(fds, 'revents', pollfd.size) !== 0) return text;
  }
}
