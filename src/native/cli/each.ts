import { describe, ProaError } from '#common/errors.ts';
import type { Session } from './session.ts';

/** Does something to each of these at once, and prints in their order the names of those that it worked for; the exit status. */
export async function forEach(
  session: Session,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
  { printed = (name: string): string | undefined => name } = {},
): Promise<number> {
  const outcomes = names.map((name) =>
    act(name).then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  let status = 0;
  for (const [at, outcome] of outcomes.entries()) {
    const name = names[at] as string;
    const failure = await outcome;
    if (!failure) {
      const text = printed(name);
      if (text !== undefined) session.print(`${text}\n`);
      continue;
    }
    // Our own bugs are not one of several failures.
    if (!(failure.error instanceof ProaError)) throw failure.error;
    session.warn(describe(failure.error));
    status = 1;
  }
  return status;
}
