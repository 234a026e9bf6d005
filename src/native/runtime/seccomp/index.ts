export { type CompiledFilter, compileFilter } from './compile.ts';
export type { Machine } from './tables.ts';
export type { Seccomp, SeccompArgument, SeccompRule } from './types.ts';
