import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFilter } from './compile.ts';
import { disassemble, run } from './test-support/bpf-interpreter.ts';
import { type Architecture, audit, machineOf, meaning, numbersOf } from './test-support/reference.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from './types.ts';

/** Mulberry32: 32 bits of state, and good enough to reach every corner here. */
function generator(seed: number) {
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return { below, pick };
}
type Random = ReturnType<typeof generator>;

const architectures = ['x86-64', 'i386', 'x32', 'aarch64', 'arm'] as const;
const tables = new Map(architectures.map((architecture) => [architecture, [...numbersOf(architecture)]]));
const allNames = [...new Set(architectures.flatMap((name) => tables.get(name)?.map(([call]) => call) ?? []))];
// Values that meet often, around the borders of words.
const values = [
  0n,
  1n,
  2n,
  38n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  0x1_0000_0026n,
  (1n << 64n) - 1n,
];
const actions = ['KILL', 'KILL_PROCESS', 'TRAP', 'ERRNO', 'ERRNO', 'TRACE', 'ALLOW', 'ALLOW', 'LOG'];
const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];

function randomAction({ below, pick }: Random) {
  const action = `SCMP_ACT_${pick(actions)}`;
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return { action, errnoRet: takesErrno && below(2) ? below(40) : undefined };
}

function randomArgument({ below, pick }: Random): SeccompArgument {
  const value = pick(values);
  const small = value < 2n ** 53n && below(2) ? Number(value) : value;
  return {
    index: below(3),
    op: `SCMP_CMP_${pick(operators)}`,
    value: small,
    valueTwo: below(2) ? pick(values) : undefined,
  };
}

function randomRule(random: Random, names: readonly string[]): SeccompRule {
  const { below, pick } = random;
  const many = below(3) === 0 ? below(60) : 1 + below(3);
  const args = below(2) ? undefined : Array.from({ length: below(4) }, () => randomArgument(random));
  return { names: Array.from({ length: many }, () => pick(names)), ...randomAction(random), args };
}

function randomProfile(random: Random): Seccomp {
  const { below, pick } = random;
  const { action, errnoRet } = randomAction(random);
  // Few names make many rules meet on one call.
  const hidden = ['socket', 'socketcall', 'ipc', 'recv', 'semop', 'msgget', 'sendmmsg'];
  const names = below(2)
    ? [...Array.from({ length: 12 }, () => pick(allNames)), ...hidden]
    : [...allNames, 'no_such_call'];
  const rules = Array.from({ length: below(below(4) === 0 ? 80 : 10) }, () => randomRule(random, names));
  const listed = ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM', 'SCMP_ARCH_MIPS'].filter(() => below(3) > 0);
  return { defaultAction: action, defaultErrnoRet: errnoRet, architectures: listed, syscalls: rules };
}

/** Numbers that the profile names, their neighbours, and borders. */
function randomNumber({ below, pick }: Random, seccomp: Seccomp, architecture: Architecture): number {
  const bit = architecture === 'x32' ? 0x40000000 : 0;
  switch (below(4)) {
    case 0:
      return (bit + below(600)) >>> 0;
    case 1:
      return pick(
        [0xffffffff, 0x3fffffff, 0xf0000, 0xf0005, 0xf0007, 0xeffff].filter((number) => bit === 0 || number > bit),
      );
    default: {
      const known = seccomp.syscalls?.flatMap((rule) => rule.names) ?? [];
      const table = new Map(tables.get(architecture));
      const number = table.get(known.length > 0 && below(4) ? pick(known) : pick(allNames)) ?? bit;
      return Math.max(bit, number + below(3) - 1);
    }
  }
}

test('compileFilter() makes filters that answer as the specification says, for random profiles', () => {
  const random = generator(20240917);
  let answers = 0;
  for (let round = 0; round < 120; round++) {
    const seccomp = randomProfile(random);
    const programs = {
      'x86-64': disassemble(compileFilter(seccomp, 'x86-64').filter),
      aarch64: disassemble(compileFilter(seccomp, 'aarch64').filter),
    };
    for (let call = 0; call < 40; call++) {
      const architecture = random.pick(architectures);
      const number = randomNumber(random, seccomp, architecture);
      const args = Array.from({ length: 6 }, () => (random.below(2) ? random.pick(values) : BigInt(random.below(45))));
      const program = programs[machineOf[architecture]];
      const { answer } = run(program, { number, architecture: audit[architecture], args });
      const asX32 = architecture === 'x86-64' && number >= 0x40000000 ? 'x32' : architecture;
      const label = `profile ${round}, ${architecture} call ${number} (${args.join(', ')})`;
      if (asX32 === 'x32' && (number & 0x40000000) === 0) continue;
      assert.equal(answer, meaning(seccomp, asX32, number, args), label);
      answers++;
    }
  }
  assert.ok(answers > 4000);
});
