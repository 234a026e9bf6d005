import { ProaError } from '#common/errors.ts';
import { ANSWER_ENOSYS, filterFlags, KILL_PROCESS, letsThrough, returnValue } from './actions.ts';
import {
  ALL_BUT_X32_BIT,
  families,
  listedArchitectures,
  type Region,
  X32,
  X32_BIT,
  X32_FIRST,
} from './architectures.ts';
import { placeMultiplexed } from './multiplexed.ts';
import { type Answer, type Placement, placeRules, UNNAMED } from './placement.ts';
import { AND, IF_EQUAL, IF_GREATER_OR_EQUAL, LOAD, Program } from './program.ts';
import { cut } from './segments.ts';
import { type Calls, callsOf, type Machine } from './tables.ts';
import { writeTree } from './tree.ts';
import type { Seccomp } from './types.ts';

/** offsetof(struct seccomp_data, nr) and (…, arch): seccomp(2). */
const NUMBER = 0;
const ARCHITECTURE = 4;

export interface CompiledFilter {
  /** Array of struct sock_filter, as seccomp(2) takes it. A view: it does not begin where its buffer does. */
  readonly filter: Uint8Array;
  /** Instructions; for `len` of struct sock_fprog. */
  readonly length: number;
  /**
   * SECCOMP_FILTER_FLAG_* for seccomp(2). With TSYNC (1) a positive result of the call is a failure: it names a thread
   * that could not be synchronized.
   */
  readonly flags: number;
}

/**
 * The filter that an OCI profile means on `machine`.
 *
 * - Processes of an architecture that the profile does not list are killed; so are x32 calls when x32 is not listed.
 *   libseccomp kills the calling thread; we kill the process, since its other threads would wait for locks for ever.
 * - Calls with higher numbers than the profile names on an architecture answer ENOSYS, unless the default action lets
 *   them through: C libraries then fall back to older calls, which they do not on EPERM. So does runc.
 * - A number of x32 below 512 means what it means on x86-64. libseccomp leaves out those that x32 has renumbered, but
 *   Linux before 5.4 carried them out.
 *
 * Throws `invalid`, naming the field; `unsupported` for listeners and SCMP_ACT_NOTIFY; `exhausted` when more than 4096
 * instructions are needed. Sources: runtime-spec, config-linux.md, "Seccomp"; seccomp(2); runc,
 * libcontainer/seccomp/patchbpf; libseccomp, src/db.c and src/gen_bpf.c.
 */
export function compileFilter(seccomp: Seccomp, machine: Machine, calls: Calls = callsOf(machine)): CompiledFilter {
  for (const field of ['listenerPath', 'listenerMetadata'] as const)
    if (seccomp[field] !== undefined && seccomp[field] !== '')
      throw new ProaError(`linux.seccomp.${field}: listeners are not supported yet`, { kind: 'unsupported' });
  const flags = filterFlags(seccomp.flags);
  const listed = listedArchitectures(seccomp.architectures, machine);
  const { defaultAction } = seccomp;
  const answer = returnValue(defaultAction, seccomp.defaultErrnoRet, undefined);

  const placement = placeRules(seccomp, answer, calls);
  if (listed.compat) placeMultiplexed(placement, calls);
  const newer = letsThrough(defaultAction) ? UNNAMED : placement.fates.push({ answer: ANSWER_ENOSYS }) - 1;

  const program = new Program();
  const { audit, compatAudit } = families[machine];
  let entry = program.answer(KILL_PROCESS);
  if (listed.compat) {
    const compat = writeCompat(program, placement, machine, newer);
    entry = program.branch(IF_EQUAL, compatAudit, compat, entry);
  }
  const native = writeNative(program, placement, machine, newer, calls, listed.x32);
  program.branch(IF_EQUAL, audit, native, entry);
  program.add(LOAD, ARCHITECTURE);
  return { filter: program.bytes(), length: program.length, flags };
}

function writeCompat(program: Program, { fates, compat }: Placement, machine: Machine, newer: number): number {
  const segments = cut(compat, families[machine].compatRegions, newer);
  program.goTo(writeTree(program, segments, fates, false));
  return program.add(LOAD, NUMBER);
}

function writeNative(
  program: Program,
  placement: Placement,
  machine: Machine,
  newer: number,
  calls: Calls,
  x32: boolean,
): number {
  const { fates, native } = placement;
  const segments = cut(native, families[machine].regions, newer);
  const tree = writeTree(program, segments, fates, true);
  if (machine === 'x86-64') {
    const newest = segments.fates.at(-1) as number;
    const other = x32 ? writeX32(program, placement, newer, newest, calls, tree) : refuseX32(program, placement);
    program.branch(IF_GREATER_OR_EQUAL, X32_BIT, other, tree);
  } else program.goTo(tree);
  return program.add(LOAD, NUMBER);
}

/** Below 512 x32 shares the numbers of x86-64; from there it numbers anew some calls whose structures differ. */
function writeX32(
  program: Program,
  { fates, native }: Placement,
  newer: number,
  newest: number,
  calls: Calls,
  tree: number,
): number {
  calls.x32Moved?.forEach((slot, at) => {
    native[(X32[0] as Region).firstSlot + at] = native[slot] as number;
  });
  const moved = writeTree(program, cut(native, X32, newer, newest), fates, true);
  program.branch(IF_GREATER_OR_EQUAL, X32_FIRST, moved, tree);
  return program.add(AND, ALL_BUT_X32_BIT);
}

/** A tracer sets the number to -1 to skip a call, and the filter sees that since Linux 4.8: it is no x32 call. seccomp(2). */
function refuseX32(program: Program, { fates }: Placement): number {
  return program.branch(
    IF_EQUAL,
    0xffffffff,
    program.answer((fates[UNNAMED] as Answer).answer),
    program.answer(KILL_PROCESS),
  );
}
