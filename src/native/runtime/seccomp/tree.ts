import { writeCondition } from './conditions.ts';
import type { Fate } from './placement.ts';
import { IF_GREATER_OR_EQUAL, type Program } from './program.ts';
import type { Segments } from './segments.ts';

/** Segments per subtree: few enough that all jumps inside one fit in eight bits, with a detour for each segment. */
const GROUP = 64;
/** How far behind a group its targets may be. */
const NEAR = 120;

/**
 * Writes a balanced binary tree that finds a number's segment and continues at its fate; gives the tree's address. The
 * accumulator holds the number. `wide`: arguments have 64 bits.
 */
export function writeTree(program: Program, segments: Segments, fates: readonly Fate[], wide: boolean): number {
  const { starts, fates: leaves } = segments;
  // Zero is no address. An array with holes would be slow.
  const addresses: number[] = new Array(fates.length).fill(0);
  const roots: number[] = [];
  // Of all targets so far, whichever group they are of.
  let farthest = program.length;
  for (let start = Math.floor((starts.length - 1) / GROUP) * GROUP; start >= 0; start -= GROUP) {
    const end = Math.min(start + GROUP, starts.length);
    const targets: number[] = [];
    for (let at = start; at < end; at++) {
      const fate = leaves[at] as number;
      let address = addresses[fate] as number;
      if (address === 0) {
        address = addresses[fate] = writeFate(program, fates[fate] as Fate, wide);
        if (address < farthest) farthest = address;
      }
      targets[at - start] = address;
    }
    if (program.length - farthest > NEAR) bringNear(program, leaves, start, targets, addresses);
    roots.unshift(writeSubtree(program, starts, start, targets));
  }
  return joinRoots(program, starts, roots, 0, roots.length);
}

/** Detours for the targets of a group that are far, shared by segments of one fate. */
function bringNear(
  program: Program,
  leaves: readonly number[],
  start: number,
  targets: number[],
  addresses: number[],
): void {
  const limit = program.length - NEAR + GROUP;
  for (let at = 0; at < targets.length; at++) {
    const fate = leaves[start + at] as number;
    const address = addresses[fate] as number;
    targets[at] = address >= limit ? address : program.detour(address);
    addresses[fate] = targets[at] as number;
  }
}

/**
 * Joins neighbours pair by pair until one address is left; uses up `targets`. Levels are written from the leaves, so that
 * no jump reaches beyond the group, its detours and what is near: 64 + 64 + 120 instructions. That is why none is checked
 * here, in the loop where the time goes.
 */
function writeSubtree(program: Program, starts: readonly number[], first: number, targets: number[]): number {
  const { words } = program;
  let { length } = program;
  let at = words.length - length * 2;
  // `span` is how many segments one target stands for.
  let span = 1;
  for (let count = targets.length; count > 1; span *= 2) {
    const pairs = count >> 1;
    let start = first + span;
    let left = 0;
    for (let pair = 0; pair < pairs; pair++) {
      at -= 2;
      const no = targets[left++] as number;
      words[at] = IF_GREATER_OR_EQUAL | ((length - (targets[left++] as number)) << 16) | ((length - no) << 24);
      words[at + 1] = starts[start] as number;
      start += span * 2;
      targets[pair] = ++length;
    }
    if (count & 1) targets[pairs] = targets[left] as number;
    count = pairs + (count & 1);
  }
  program.length = length;
  return targets[0] as number;
}

/** The same for the groups from `from` until `to`, whose distances are not known. */
function joinRoots(
  program: Program,
  starts: readonly number[],
  roots: readonly number[],
  from: number,
  to: number,
): number {
  if (to - from === 1) return roots[from] as number;
  const middle = (from + to + 1) >> 1;
  const right = joinRoots(program, starts, roots, middle, to);
  const left = joinRoots(program, starts, roots, from, middle);
  return program.branch(IF_GREATER_OR_EQUAL, starts[middle * GROUP] as number, right, left);
}

/** The address where a call of this fate is decided. */
function writeFate(program: Program, fate: Fate, wide: boolean): number {
  const steps = [];
  let first = fate;
  for (; !('answer' in first); first = first.before) steps.push(first);
  // What is left when no step matches is the default action; the last step is written first.
  let address = program.answer(first.answer);
  for (const { conditions, action } of steps) {
    const otherwise = address;
    address = program.answer(action);
    for (let at = conditions.length - 1; at >= 0; at--)
      address = writeCondition(program, conditions[at] as (typeof conditions)[number], wide, address, otherwise);
  }
  return address;
}
