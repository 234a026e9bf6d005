import type { Seccomp } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import { packFilter } from './process/seccomp-filter.ts';
import { type Line, messages } from './process/spawn-protocol.ts';
import { compileFilter } from './seccomp/index.ts';

/** Compiles a profile and hands the filter to the process that loads it. */
export function offerFilter(line: Line, profile: Seccomp): void {
  const filter = step('compile the seccomp filter', () => compileFilter(profile, MACHINE));
  line.tellBytes(messages.filter, packFilter(filter));
}
