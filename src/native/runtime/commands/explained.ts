import { lazy } from '#common/lazy.ts';
import type * as explain from '#native/explain/part.ts';
import type { Context } from '../context.ts';

/** Does something with a record of its steps where one is wanted, by `--explain` or `--debug`: shown of failures, too. */
export function explained<T>(
  context: Context,
  name: string,
  format: string | undefined,
  body: (explanation: explain.Explanation | undefined) => T,
): T {
  if (format === undefined && !context.debug) return body(undefined);
  const explanation = new (lazy<typeof explain>('explain')().Explanation)(name);
  try {
    return body(explanation);
  } finally {
    // What was done is done, and what failed has failed, also where nobody can be told of its steps.
    try {
      if (context.debug) for (const line of explanation.steps()) context.debug(line);
      if (format !== undefined) explanation.print(format);
    } catch {
      // The log is full, or has nobody who reads it.
    }
  }
}
