import { utf8 } from './bytes.ts';
import type { OwnedFd } from './fd.ts';
import { type Child, cloneProcess, Execution, SIGKILL, setParentDeathSignal, waitForChild } from './processes.ts';
import { CLOSE_RANGE_CLOEXEC, close_range, dup3, write } from './raw/file.ts';
import { setsid } from './raw/process.ts';
import { blockAllSignals, resetSignalActions } from './signals.ts';

export interface SpawnOptions {
  path: string;
  /** With argument 0. */
  args: readonly string[];
  environment: readonly (string | Uint8Array)[];
  /** Standard input, output and error; where one is missing, the program gets ours. */
  streams: readonly (OwnedFd | undefined)[];
  /** Default: it is killed when we end. */
  outlivesUs?: boolean;
}

/**
 * Runs a program that outlives us: in a session of its own, by a process between that ends at once, so that it is not our
 * child. All its streams are given. setsid(2).
 */
export function startSession(options: SpawnOptions): void {
  const between = cloneProcess({}, () => {
    setsid();
    spawnProgram({ ...options, outlivesUs: true });
    return 0;
  });
  waitForChild(between);
  between.pidfd.close();
}

/** Runs a program of the host: nothing but its standard streams is open in it, and no signal is blocked or ignored. */
export function spawnProgram({ path, args, environment, streams, outlivesUs = false }: SpawnOptions): Child {
  const execution = new Execution(path, args, environment);
  return cloneProcess({}, () => {
    if (!outlivesUs) setParentDeathSignal(SIGKILL);
    blockAllSignals(false);
    resetSignalActions();
    streams.forEach((stream, fd) => {
      if (stream) dup3(stream.number, fd, 0);
    });
    close_range(3, 0xffffffff, CLOSE_RANGE_CLOEXEC);
    const errno = execution.execute();
    const reason = utf8(`cannot execute "${path}": errno ${errno}\n`);
    write(2, reason, reason.length);
    return 127;
  });
}
