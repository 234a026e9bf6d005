import { ProaError } from '#common/errors.ts';
import { AND, IF_EQUAL, IF_GREATER, IF_GREATER_OR_EQUAL, LOAD, type Program } from './program.ts';
import type { SeccompArgument } from './types.ts';

type Operator = 'NE' | 'LT' | 'LE' | 'EQ' | 'GE' | 'GT' | 'MASKED_EQ';

/** One comparison with its 64-bit value in two words. */
export interface Condition {
  readonly index: number;
  readonly op: Operator;
  readonly high: number;
  readonly low: number;
  /** For MASKED_EQ. */
  readonly maskHigh: number;
  readonly maskLow: number;
}

const operators: { readonly [name: string]: Operator } = {
  __proto__: null as never,
  SCMP_CMP_NE: 'NE',
  SCMP_CMP_LT: 'LT',
  SCMP_CMP_LE: 'LE',
  SCMP_CMP_EQ: 'EQ',
  SCMP_CMP_GE: 'GE',
  SCMP_CMP_GT: 'GT',
  SCMP_CMP_MASKED_EQ: 'MASKED_EQ',
};

/** `rule` and `position` name the argument's entry in errors, of kind `invalid`. */
export function readCondition(argument: SeccompArgument, rule: number, position: number): Condition {
  const { index, value, valueTwo } = argument;
  const op = operators[argument.op];
  if (!(index >= 0 && index <= 5 && Number.isInteger(index))) throw invalid(rule, position, 'index', '0 to 5', index);
  if (op === undefined) throw invalid(rule, position, 'op', 'SCMP_CMP_*', `"${argument.op}"`);
  if (!isWide(value)) throw invalid(rule, position, 'value', 'an unsigned 64-bit number', value);
  const high = highWord(value);
  const low = lowWord(value);
  if (op !== 'MASKED_EQ') return { index, op, high, low, maskHigh: 0, maskLow: 0 };
  const wanted = valueTwo ?? 0;
  if (!isWide(wanted)) throw invalid(rule, position, 'valueTwo', 'an unsigned 64-bit number', wanted);
  // libseccomp drops the bits of valueTwo that the mask hides instead of never matching; profiles are tested with it.
  const wantedHigh = (highWord(wanted) & high) >>> 0;
  const wantedLow = (lowWord(wanted) & low) >>> 0;
  return { index, op, high: wantedHigh, low: wantedLow, maskHigh: high, maskLow: low };
}

function invalid(rule: number, position: number, member: string, expected: string, got: unknown): ProaError {
  const field = `linux.seccomp.syscalls[${rule}].args[${position}].${member}`;
  return new ProaError(`${field}: expected ${expected}, got ${got}`, { kind: 'invalid' });
}

function isWide(value: number | bigint): boolean {
  if (typeof value === 'bigint') return value >= 0n && value >> 64n === 0n;
  return value >= 0 && Number.isSafeInteger(value);
}

function highWord(value: number | bigint): number {
  return typeof value === 'bigint' ? Number(value >> 32n) : Math.floor(value / 0x100000000);
}

function lowWord(value: number | bigint): number {
  return typeof value === 'bigint' ? Number(value & 0xffffffffn) : value >>> 0;
}

/**
 * Writes a test and returns its address; it continues at `yes` or `no`.
 *
 * `wide` is false for the 32-bit architectures, where only the low word counts, as in libseccomp. A 64-bit process can
 * enter the kernel by `int 0x80` with anything in the upper halves of its registers: the call ignores them, so must we.
 */
export function writeCondition(program: Program, test: Condition, wide: boolean, yes: number, no: number): number {
  const low = 16 + test.index * 8; // offsetof(struct seccomp_data, args)
  switch (test.op) {
    case 'EQ':
      return writeEqual(program, test, low, wide, yes, no);
    case 'NE':
      return writeEqual(program, test, low, wide, no, yes);
    case 'GT':
      return writeGreater(program, IF_GREATER, test, low, wide, yes, no);
    case 'LE':
      return writeGreater(program, IF_GREATER, test, low, wide, no, yes);
    case 'GE':
      return writeGreater(program, IF_GREATER_OR_EQUAL, test, low, wide, yes, no);
    case 'LT':
      return writeGreater(program, IF_GREATER_OR_EQUAL, test, low, wide, no, yes);
    default:
      return writeMasked(program, test, low, wide, yes, no);
  }
}

function writeEqual(program: Program, test: Condition, low: number, wide: boolean, yes: number, no: number): number {
  program.branch(IF_EQUAL, test.low, yes, no);
  const lowWord = program.add(LOAD, low);
  if (!wide) return lowWord;
  program.branch(IF_EQUAL, test.high, lowWord, no);
  return program.add(LOAD, low + 4);
}

function writeGreater(
  program: Program,
  code: number,
  test: Condition,
  low: number,
  wide: boolean,
  yes: number,
  no: number,
): number {
  program.branch(code, test.low, yes, no);
  const lowWord = program.add(LOAD, low);
  if (!wide) return lowWord;
  const tie = program.branch(IF_EQUAL, test.high, lowWord, no);
  program.branch(IF_GREATER, test.high, yes, tie);
  return program.add(LOAD, low + 4);
}

function writeMasked(program: Program, test: Condition, low: number, wide: boolean, yes: number, no: number): number {
  let entry = yes;
  if (test.maskLow !== 0) {
    program.branch(IF_EQUAL, test.low, entry, no);
    if (test.maskLow !== 0xffffffff) program.add(AND, test.maskLow);
    entry = program.add(LOAD, low);
  }
  if (wide && test.maskHigh !== 0) {
    program.branch(IF_EQUAL, test.high, entry, no);
    if (test.maskHigh !== 0xffffffff) program.add(AND, test.maskHigh);
    entry = program.add(LOAD, low + 4);
  }
  return entry;
}
