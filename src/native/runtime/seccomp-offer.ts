import type { Seccomp } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { LoadableFilter, packFilter } from './process/seccomp-filter.ts';
import { type Line, messages } from './process/spawn-protocol.ts';
import { compileFilter } from './seccomp/index.ts';

/** Compiles a profile and hands the filter to the process that loads it. */
export function offerFilter(line: Line, profile: Seccomp): void {
  line.tellBytes(messages.filter, packed(profile));
}

/** What that process gets. */
export function offeredFilter(line: Line): LoadableFilter {
  return new LoadableFilter(line.await(messages.filter).body);
}

/** The same of a process that compiles it itself. */
export function ownFilter(profile: Seccomp): LoadableFilter {
  return new LoadableFilter(packed(profile));
}

function packed(profile: Seccomp): Uint8Array {
  return packFilter(step('compile the seccomp filter', () => compileFilter(profile, MACHINE)));
}
