import { describe, ProaError } from '#common/errors.ts';
import { ANOTHER_SERVES } from '#common/exit-status.ts';
import { after, sleep } from '#loop/events.ts';
import type { Loop } from '#loop/loop.ts';
import { startBytes } from '#sys/environment.ts';
import { ECONNREFUSED, ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { makeDirectories, openFile, readTextIfAny } from '#sys/files.ts';
import { type Child, type ExitReason, pollChild } from '#sys/processes.ts';
import { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } from '#sys/raw/file.ts';
import { startSession } from '#sys/spawn.ts';
import { enginePath, nodePath } from './engine-program.ts';
import { runDirectory, stateDirectory } from './places.ts';

const LIMIT_MILLISECONDS = 20_000;
const LOG_LINES = 5;

/**
 * Starts the engine and waits until `connect` reaches it. Several clients may do this at once: the engine that comes too late
 * ends by itself, and all of them wait for the same socket.
 */
export async function startEngine(loop: Loop, connect: () => void): Promise<void> {
  const program = enginePath();
  const run = runDirectory();
  makeDirectories(run, 0o700);
  const log = `${run}/proad.log`;
  const engine = spawnEngine(program, log);
  let ended: ExitReason | undefined;
  let late = false;
  using _limit = after(loop, LIMIT_MILLISECONDS, () => {
    late = true;
  });
  for (let milliseconds = 5; ; milliseconds = Math.min(milliseconds * 1.3, 100)) {
    try {
      connect();
      return;
    } catch (cause) {
      if (!isErrno(cause, ENOENT, ECONNREFUSED)) throw cause;
      if (late) throw neverCame(`does not answer after ${LIMIT_MILLISECONDS / 1000} s`, log, cause);
      ended ??= pollChild(engine);
      // One that leaves because another is there says so: that other is waited for.
      if (ended && ended.code !== ANOTHER_SERVES) throw neverCame('could not be started', log, cause);
    }
    await sleep(loop, milliseconds);
  }
}

function neverCame(how: string, log: string, cause: unknown): ProaError {
  const words = (readTextIfAny(log) ?? '').trimEnd().split('\n').slice(-LOG_LINES).join('\n  ');
  const message = `the engine ${how}; the end of ${log}:\n  ${words}\n${describe(cause)}`;
  return new ProaError(message, { kind: 'unavailable' });
}

function spawnEngine(program: string, log: string): Child {
  using nothing = openFile('/dev/null', { flags: O_RDWR });
  using output = openFile(log, { flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600 });
  return startSession({
    path: nodePath(),
    args: ['node', program, 'serve', '--run', runDirectory(), '--state', stateDirectory()],
    environment: startBytes().environment,
    streams: [nothing, nothing, output],
  });
}
