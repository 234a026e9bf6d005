import type { DeviceRule } from '#common/runtime-spec/types.ts';
import { decidesAll } from '../defaults.ts';
import { type PlainRule, plainRules } from '../device-rules.ts';

// Opcodes of eBPF: Documentation/bpf/standardization/instruction-set.rst.
const LOAD_WORD = 0x61; // dst = *(u32 *)(src + offset)
const COPY = 0xbf;
const SET = 0xb7;
const AND = 0x57;
const SHIFT_RIGHT = 0x77;
const IF_NOT_EQUAL = 0x55;
const IF_ANY_BIT = 0x45;
const GO = 0x05;
const EXIT = 0x95;

const RESULT = 0;
/** struct bpf_cgroup_dev_ctx: access_type (type, and from bit 16 access), major, minor. linux/bpf.h. */
const CONTEXT = 1;
const TYPE = 2;
/** The bits of the request that no rule has decided yet. */
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;

const types = { b: 1, c: 2 };
const ALL_ACCESS = 7;
/** BPF_DEVCG_ACC_: mknod 1, read 2, write 4; our rules have r 1, w 2, m 4. */
const kernelAccess = (bits: number) => ((bits << 1) & 6) | (bits >> 2);

/** code, destination, source, offset, immediate. */
type Instruction = [code: number, destination: number, source: number, offset: number, immediate: number];

/**
 * A program of type BPF_PROG_TYPE_CGROUP_DEVICE that says what `rules`, with the default rules after them, say: each
 * kind of access that is asked for is decided by the last rule that names it. So the last rule comes first; one that
 * allows some of a request lets the rest of it go on, and one that denies any of it ends the matter.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const last = rules.findLastIndex(decidesAll);
  const answer = rules[last]?.allow ? 1 : 0;
  const instructions: Instruction[] = [
    [LOAD_WORD, TYPE, CONTEXT, 0, 0],
    [COPY, ACCESS, TYPE, 0, 0],
    [SHIFT_RIGHT, ACCESS, 0, 0, 16],
    [AND, TYPE, 0, 0, 0xffff],
    [LOAD_WORD, MAJOR, CONTEXT, 4, 0],
    [LOAD_WORD, MINOR, CONTEXT, 8, 0],
  ];
  for (const rule of withoutRepeats(plainRules(rules.slice(last + 1)).reverse())) instructions.push(...block(rule));
  instructions.push([SET, RESULT, 0, 0, answer], [EXIT, 0, 0, 0, 0]);
  return assemble(instructions);
}

/** Rules from the last to the first, without those that a later one for the same devices leaves nothing to say. */
function withoutRepeats(rules: readonly PlainRule[]): PlainRule[] {
  const decided = new Map<string, number>();
  return rules.filter(({ type, major, minor, access }) => {
    const key = `${type} ${major}:${minor}`;
    const before = decided.get(key) ?? 0;
    decided.set(key, before | access);
    return (access & ~before) !== 0;
  });
}

/** Compares, and when all is equal acts; a comparison that fails goes to what follows the block. */
function block({ allow, type, major, minor, access }: PlainRule): Instruction[] {
  const comparisons: Instruction[] = [[IF_NOT_EQUAL, TYPE, 0, 0, types[type]]];
  if (major !== undefined) comparisons.push([IF_NOT_EQUAL, MAJOR, 0, 0, major]);
  if (minor !== undefined) comparisons.push([IF_NOT_EQUAL, MINOR, 0, 0, minor]);
  const bits = kernelAccess(access);
  const action: Instruction[] = [];
  if (access !== ALL_ACCESS) {
    if (allow) action.push([AND, ACCESS, 0, 0, ALL_ACCESS & ~bits], [IF_NOT_EQUAL, ACCESS, 0, 2, 0]);
    else action.push([IF_ANY_BIT, ACCESS, 0, 1, bits], [GO, 0, 0, 2, 0]);
  }
  action.push([SET, RESULT, 0, 0, allow ? 1 : 0], [EXIT, 0, 0, 0, 0]);
  const length = comparisons.length + action.length;
  comparisons.forEach((comparison, index) => {
    comparison[3] = length - index - 1;
  });
  return [...comparisons, ...action];
}

/** struct bpf_insn: code, two registers of four bits, a signed offset of 16 and an immediate of 32. */
function assemble(instructions: readonly Instruction[]): Uint8Array {
  const program = new Uint8Array(instructions.length * 8);
  const view = new DataView(program.buffer);
  instructions.forEach(([code, destination, source, offset, immediate], index) => {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, destination | (source << 4));
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  });
  return program;
}
