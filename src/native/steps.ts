import { kindOf, ProaError } from '#common/errors.ts';

/** Listens to steps as they begin and end; `--explain` puts one in place. */
export interface StepRecorder {
  begin(name: string): void;
  end(failed: boolean): void;
}

let recorder: StepRecorder | undefined;

export function useStepRecorder(next: StepRecorder | undefined): void {
  recorder = next;
}

/**
 * Runs a named part of a start. A failure inside is told as failure of the step, with the reason after it; with
 * `--explain` the step and its calls become a node of the tree.
 */
export function step<T>(name: string, body: () => T): T {
  recorder?.begin(name);
  let failed = true;
  try {
    const result = body();
    failed = false;
    return result;
  } catch (cause) {
    throw cause instanceof ProaError ? new ProaError(name, { kind: kindOf(cause), cause }) : cause;
  } finally {
    recorder?.end(failed);
  }
}
