import { utf8 } from './bytes.ts';
import { SystemError } from './errors.ts';
import type { OwnedFd } from './fd.ts';
import { type Child, Execution, lendMemory, SIGKILL, setParentDeathSignal } from './processes.ts';
import { CLOSE_RANGE_CLOEXEC, chdir, close_range, dup3, write } from './raw/file.ts';
import { setsid } from './raw/process.ts';
import { blockAllSignals, resetSignalActions } from './signals.ts';

export interface SpawnOptions {
  path: string;
  /** With argument 0. */
  args: readonly string[];
  environment: readonly (string | Uint8Array)[];
  /** Standard input, output and error; where one is missing, the program gets ours. */
  streams: readonly (OwnedFd | undefined)[];
  /** Where it begins; where we are, if that is not there or not given. */
  directory?: string | undefined;
}

/**
 * Runs a program of the host: nothing but its standard streams is open in it, and no signal is blocked or ignored. It is
 * killed when we end.
 */
export function spawnProgram(options: SpawnOptions): Child {
  return start(options, () => setParentDeathSignal(SIGKILL));
}

/** The same in a session of its own, for a program that outlives us: no terminal's signals reach it. setsid(2). */
export function startSession(options: SpawnOptions): Child {
  return start(options, setsid);
}

function start({ path, args, environment, streams, directory }: SpawnOptions, prepare: () => void): Child {
  const execution = new Execution(path, args, environment);
  return lendMemory({}, () => {
    prepare();
    if (directory !== undefined) chdir(directory);
    blockAllSignals(false);
    resetSignalActions();
    streams.forEach((stream, fd) => {
      if (stream) dup3(stream.number, fd, 0);
    });
    close_range(3, 0xffffffff, CLOSE_RANGE_CLOEXEC);
    const errno = execution.execute();
    const reason = utf8(`${new SystemError('execve', errno, path).message}\n`);
    write(2, reason, reason.length);
    return 127;
  });
}
