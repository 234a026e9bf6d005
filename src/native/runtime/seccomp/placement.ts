import { returnValue } from './actions.ts';
import { type Condition, readCondition } from './conditions.ts';
import { LIMIT, tooLong } from './program.ts';
import { type Calls, SLOTS } from './tables.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from './types.ts';

/**
 * What happens to a call. Either an answer without looking at arguments, or a chain: the tests of `before` come first,
 * then these conditions, all of which must hold for `action`.
 */
export type Fate = Answer | Chain;
export interface Answer {
  readonly answer: number;
}
export interface Chain {
  readonly before: Fate;
  readonly conditions: readonly Condition[];
  readonly action: number;
}

export type Cells = Uint8Array | Uint16Array;

/** Fates by slot, for each architecture, as positions in `fates`. */
export interface Placement {
  readonly fates: Fate[];
  readonly native: Cells;
  readonly compat: Cells;
}

/** Calls that the profile does not name. */
export const UNNAMED = 0;
/** Calls that it names for the default action: the same, but they count as known to the profile. */
export const NAMED = 1;

interface ReadRule {
  readonly names: readonly string[];
  readonly action: number;
  /** None: any arguments. */
  readonly alternatives: readonly (readonly Condition[])[];
}

/**
 * The fate of every slot. Rules about one call are weighed as libseccomp does: one whose action is the default is void;
 * the first without conditions beats all others, wherever it stands; among the rest the first that matches wins.
 */
export function placeRules(seccomp: Seccomp, defaultAnswer: number, calls: Calls): Placement {
  const fallback = { answer: defaultAnswer };
  const fates: Fate[] = [fallback, fallback];
  const rules = (seccomp.syscalls ?? []).map(readRule);
  const Cells = manyFates(rules) ? Uint16Array : Uint8Array;
  const placement = { fates, native: new Cells(SLOTS), compat: new Cells(SLOTS) };

  for (const { names, action } of rules) if (action === defaultAnswer) place(placement, calls, names, NAMED);
  for (const { names, action, alternatives } of rules)
    if (action !== defaultAnswer)
      for (const conditions of alternatives) append(placement, calls, names, conditions, action);
  // Backwards and overwriting, so that the first rule stays; nothing is compared in the loop over names.
  const answers = new Map<number, number>();
  for (const { names, action, alternatives } of rules.reverse()) {
    if (action === defaultAnswer || alternatives.length > 0) continue;
    const fate = answers.get(action) ?? fates.push({ answer: action }) - 1;
    answers.set(action, fate);
    place(placement, calls, names, fate);
  }
  // A cell would have cut off the fate's position; no real profile has so many different actions.
  if (fates.length > 0xfff0) throw tooLong();
  return placement;
}

function readRule(rule: SeccompRule, at: number): ReadRule {
  const { names, args } = rule;
  const action = returnValue(rule.action, rule.errnoRet, at);
  if (args === undefined || args.length === 0) return { names, action, alternatives: [] };
  // All but masks of zero, which compare nothing.
  const telling: Condition[] = [];
  let seen = 0;
  let twice = false;
  for (let position = 0; position < args.length; position++) {
    const condition = readCondition(args[position] as SeccompArgument, at, position);
    const bit = 1 << condition.index;
    if (seen & bit) twice = true;
    seen |= bit;
    if (condition.op !== 'MASKED_EQ' || (condition.maskLow | condition.maskHigh) !== 0) telling.push(condition);
  }
  // Two conditions on one argument: runc and crun then take each condition for a rule of its own.
  if (twice) return { names, action, alternatives: telling.length < args.length ? [] : telling.map((test) => [test]) };
  return { names, action, alternatives: telling.length === 0 ? [] : [telling] };
}

/** Whether fates may reach 0x80, which bytes cannot hold: see `cutBytes`. */
function manyFates(rules: readonly ReadRule[]): boolean {
  let most = 4;
  for (const { names, alternatives } of rules) most += alternatives.length * names.length * 2 + 1;
  return most >= 0x78;
}

/** The hot loop: profiles have hundreds of names. An unknown name gives slot 0, which stands for nothing. */
function place({ native, compat }: Placement, calls: Calls, names: readonly string[], fate: number): void {
  const numbers = calls.numbers;
  for (const name of names) {
    const slots = numbers[name] as number;
    native[slots & 1023] = fate;
    compat[slots >> 10] = fate;
  }
}

/** Lengthens the chain of every named call. */
function append(
  { fates, native, compat }: Placement,
  calls: Calls,
  names: readonly string[],
  conditions: readonly Condition[],
  action: number,
): void {
  // Calls whose chains were one before go on sharing it, at least next to each other.
  let previous = -1;
  let longer = -1;
  const lengthen = (cells: Cells, slot: number) => {
    const before = cells[slot] as number;
    if (slot === 0) return;
    if (before !== previous) {
      previous = before;
      longer = fates.push({ before: fates[before] as Fate, conditions, action }) - 1;
      // Each fate costs an instruction or more. Looking here also keeps fates within the cells.
      if (longer > LIMIT) throw tooLong();
    }
    cells[slot] = longer;
  };
  for (const name of names) {
    const slots = calls.numbers[name] ?? 0;
    lengthen(native, slots & 1023);
    lengthen(compat, slots >> 10);
  }
}
