import { decimalSize } from '#common/units/sizes.ts';
import { confirm } from './confirm.ts';
import { filterQuery } from './filters.ts';
import type { Session } from './session.ts';

export interface PruneOptions {
  path: string;
  warning: string;
  force: boolean;
  filters: readonly string[];
  more?: Record<string, string[]>;
  /** What was removed, from the answer: a headline and its lines. */
  removed(answer: never): { headline: string; lines: string[] };
}

/** Of commands that tell what has a name from what has none. */
export const pruneOptions = {
  all: { kind: 'flag', short: 'a', help: 'Also those that have a name' },
  filter: { kind: 'list', help: 'Only those that match (NAME=VALUE)' },
  force: { kind: 'flag', short: 'f', help: 'Do not ask' },
} as const;

/** Asks, has the engine remove what nobody uses, and says what that was. */
export async function prune(
  session: Session,
  { path, warning, force, filters, more, removed }: PruneOptions,
): Promise<number> {
  if (!force && !(await confirm(session, `WARNING! ${warning}`))) {
    session.warn('nothing was removed');
    return 1;
  }
  const answer = await session.engine.post<{ SpaceReclaimed?: number }>(path, {
    query: { filters: filterQuery(filters, more) },
  });
  const { headline, lines } = removed(answer as never);
  if (lines.length > 0) session.print(`${headline}:\n${lines.join('\n')}\n\n`);
  session.print(`Total reclaimed space: ${decimalSize(answer.SpaceReclaimed ?? 0, 4)}\n`);
  return 0;
}
