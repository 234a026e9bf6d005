import type { Seccomp } from '#common/runtime-spec/types.ts';
import { type CompiledFilter, loadableFilter } from '../process/seccomp-filter.ts';
import { compileFilter } from './index.ts';

/** The part of the program that only containers with a seccomp profile load. */
export function compile(profile: Seccomp): CompiledFilter {
  return loadableFilter(compileFilter(profile, MACHINE));
}
