import type { Seccomp } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { LoadableFilter, packFilter } from './process/seccomp-filter.ts';
import { type Line, messages } from './process/spawn-protocol.ts';
import { compileFilter } from './seccomp/index.ts';

/** Compiles a profile and hands the filter to the process that loads it. */
export function offerFilter(line: Line, profile: Seccomp): void {
  line.tellBytes(messages.filter, packFilter(compiled(profile)));
}

/** What that process gets. */
export function offeredFilter(line: Line): LoadableFilter {
  return LoadableFilter.unpacked(line.await(messages.filter).body);
}

/** The same for a process that has the memory in which it is compiled. */
export function ownFilter(profile: Seccomp): LoadableFilter {
  return new LoadableFilter(compiled(profile));
}

const compiled = (profile: Seccomp) => step('compile the seccomp filter', () => compileFilter(profile, MACHINE));
