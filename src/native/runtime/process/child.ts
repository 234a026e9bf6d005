import type { Explanation } from '#native/explain/part.ts';
import { check } from '#sys/errors.ts';
import { closeAllBut, type OwnedFd } from '#sys/fd.ts';
import { SIGKILL, setParentDeathSignal } from '#sys/processes.ts';
import { dup3 } from '#sys/raw/file.ts';
import { blockAllSignals, resetSignalActions } from '#sys/signals.ts';
import type { PreparedProgram } from './program.ts';
import { Line, messages } from './spawn-protocol.ts';

/** In a process that was just cloned: its standard streams, and of all else that is open only what it needs. */
export function takeStreams(streams: readonly OwnedFd[], needed: readonly (OwnedFd | undefined)[]): void {
  streams.forEach((stream, fd) => {
    check(dup3(stream.number, fd, 0), 'dup3', 'standard stream');
  });
  closeAllBut(needed.flatMap((fd) => fd?.number ?? []));
}

export interface ChildSteps {
  /** Everything up to the program; failures are told to the runtime. */
  prepare(line: Line): PreparedProgram;
  /** Between being independent of the runtime and the program: who hears of failures from here on. */
  beforeProgram?(line: Line): Line;
  /** The process waits for longer than the runtime lives: it goes on only when it is recorded. */
  outlives: boolean;
}

/**
 * The frame of a cloned process that becomes a container's program: nothing of the runtime's signals reaches it, it
 * dies with the runtime until the runtime has recorded it, and whatever fails is told. Returns only on failure.
 */
export function runChild(socket: OwnedFd, explanation: Explanation | undefined, steps: ChildSteps): number {
  let line = new Line(socket);
  let explained = false;
  const explain = () => {
    if (!explained) for (const piece of explanation?.pieces() ?? []) line.tell(messages.explained, piece);
    explained = true;
  };
  try {
    explanation?.inContainer();
    setParentDeathSignal(SIGKILL);
    resetSignalActions();
    blockAllSignals(false);
    const program = steps.prepare(line);
    explain();
    if (steps.outlives) {
      line.tell(messages.prepared);
      line.await(messages.recorded);
      // The runtime may leave now: the process must not go with it.
      setParentDeathSignal(0);
      line.tell(messages.detached);
    } else {
      setParentDeathSignal(0);
      line.tell(messages.prepared);
    }
    line = steps.beforeProgram?.(line) ?? line;
    program.execute();
  } catch (error) {
    explain();
    line.fail(error);
  }
  return 1;
}
