import type { Seccomp } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { filterOf } from './kept-filters.ts';
import { LoadableFilter, packFilter, unpackFilter } from './process/seccomp-filter.ts';
import { type Line, messages } from './process/spawn-protocol.ts';

/** Hands the filter of a profile to the process that loads it. `root`: the runtime's. */
export function offerFilter(line: Line, profile: Seccomp, root: string): void {
  line.tellBytes(messages.filter, packFilter(compiled(profile, root)));
}

/** What that process gets. */
export function offeredFilter(line: Line): LoadableFilter {
  return new LoadableFilter(unpackFilter(line.await(messages.filter).body));
}

/** The same for a process that has the memory in which it is made. */
export function ownFilter(profile: Seccomp, root: string): LoadableFilter {
  return new LoadableFilter(compiled(profile, root));
}

const compiled = (profile: Seccomp, root: string) => step('compile the seccomp filter', () => filterOf(profile, root));
