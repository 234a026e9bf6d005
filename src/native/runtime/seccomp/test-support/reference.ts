// What an OCI profile means, written down as plainly as possible and without regard to speed: the tests compare filters
// with this. It shares only the generated tables with the compiler.
import * as arm from '../generated/arm.ts';
import * as x86 from '../generated/x86.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from '../types.ts';

export type Architecture = 'x86-64' | 'i386' | 'x32' | 'aarch64' | 'arm';
export const audit = { 'x86-64': 0xc000003e, x32: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 };
export const machineOf = {
  'x86-64': 'x86-64',
  x32: 'x86-64',
  i386: 'x86-64',
  aarch64: 'aarch64',
  arm: 'aarch64',
} as const;
const listedAs = { i386: 'SCMP_ARCH_X86', x32: 'SCMP_ARCH_X32', arm: 'SCMP_ARCH_ARM' } as const;
const x32Bit = 0x40000000;

const tables = new Map<Architecture, ReadonlyMap<string, number>>();

/** Name to number on one architecture; x32's carry its bit. */
export function numbersOf(architecture: Architecture): ReadonlyMap<string, number> {
  const table = tables.get(architecture) ?? readTable(architecture);
  tables.set(architecture, table);
  return table;
}

function readTable(architecture: Architecture): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const { numbers } = machineOf[architecture] === 'x86-64' ? x86 : arm;
  const native = architecture === 'x86-64' || architecture === 'aarch64' || architecture === 'x32';
  for (const [name, slots] of Object.entries(numbers)) {
    const slot = native ? slots % 1024 : Math.floor(slots / 1024);
    if (slot === 0 || (architecture === 'i386' && slot >= 960)) continue;
    let number = slot - 1;
    if (architecture === 'arm' && slot >= 1000) number = 0xf0000 + slot - 1000;
    if (architecture === 'x32') {
      const moved = x86.x32Moved.indexOf(slot);
      number = x32Bit + (moved < 0 ? number : 512 + moved);
    }
    found.set(name, number);
  }
  return found;
}

const actions: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};
const killProcess = 0x80000000;
const enosys = 0x50026;

function answerOf(action: string, errno: number | undefined): number {
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return (actions[action] as number) + (takesErrno ? (errno ?? 1) : 0);
}

/** The answer for a call. `number` has x32's bit where the process set it. */
export function meaning(seccomp: Seccomp, architecture: Architecture, number: number, args: readonly bigint[]): number {
  const fallback = answerOf(seccomp.defaultAction, seccomp.defaultErrnoRet);
  if (architecture in listedAs) {
    const listed = seccomp.architectures?.includes(listedAs[architecture as keyof typeof listedAs]) ?? false;
    if (!listed && architecture === 'x32') return number >>> 0 === 0xffffffff ? fallback : killProcess;
    if (!listed) return killProcess;
  }
  const answer = rulesFor(seccomp, architecture, number, args, fallback);
  if (answer !== undefined) return answer;
  const through = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'].includes(seccomp.defaultAction);
  if (through) return fallback;
  const known = (seccomp.syscalls ?? []).flatMap((rule) => rule.names.flatMap((name) => meant(architecture, name)));
  return isNewer(architecture, number >>> 0, known) ? enosys : fallback;
}

/** The numbers of a call. On x32 those below 512 mean the same with and without the bit, also where x32 has another. */
function meant(architecture: Architecture, name: string): number[] {
  const own = numbersOf(architecture).get(name);
  const native = architecture === 'x32' ? numbersOf('x86-64').get(name) : undefined;
  return [...(own === undefined ? [] : [own]), ...(native === undefined ? [] : [native + x32Bit])];
}

/** Whether the number is above all that the profile names in its range. */
function isNewer(architecture: Architecture, number: number, known: number[]): boolean {
  const ranges: Partial<Record<Architecture, number[]>> = { arm: [0, 0xf0000], x32: [x32Bit, x32Bit + 512] };
  let newer = false;
  for (const start of ranges[architecture] ?? [0]) {
    if (number < start) break;
    const end = start === 0 && architecture === 'arm' ? 0xf0000 : start === x32Bit ? x32Bit + 512 : 2 ** 32;
    const inRange = known.filter((each) => each >= start && each < end);
    if (inRange.length > 0) newer = number > Math.max(...inRange);
  }
  return newer;
}

interface Candidate {
  answer: number;
  /** Undefined: any arguments. */
  args: readonly SeccompArgument[] | undefined;
}

function rulesFor(
  seccomp: Seccomp,
  architecture: Architecture,
  number: number,
  args: readonly bigint[],
  fallback: number,
): number | undefined {
  const rules = (seccomp.syscalls ?? []).filter((rule) => answerOf(rule.action, rule.errnoRet) !== fallback);
  const matching = (wanted: (name: string) => boolean) =>
    rules.filter((rule) => rule.names.some(wanted)).flatMap((rule) => candidates(rule));
  const found = matching((name) => meant(architecture, name).includes(number));
  const decided = decide(found, architecture, args);
  if (found.some((candidate) => candidate.args === undefined) || architecture !== 'i386') return decided;
  if (decided !== undefined) return decided;
  // socketcall and ipc: rules about the calls inside them, whose own first argument cannot be seen.
  const socket = numbersOf('i386').get('socketcall') === number;
  if (!socket && numbersOf('i386').get('ipc') !== number) return undefined;
  const code = Number((args[0] ?? 0n) & (socket ? 0xffffffffn : 0xffffn));
  const slot = (socket ? x86.socketcall : x86.ipc).find(([value]) => value === code)?.[1];
  if (slot === undefined) return undefined;
  const hidden = matching((name) => Math.floor((x86.numbers[name] ?? 0) / 1024) === slot);
  const plain = hidden.find((candidate) => candidate.args === undefined);
  if (plain) return plain.answer;
  const visible = hidden.map(({ answer, args: all }) => ({ answer, args: all?.filter(({ index }) => index !== 0) }));
  return decide(visible, architecture, args);
}

/** A rule without conditions is one candidate; conditions that share an argument are one candidate each. */
function candidates(rule: SeccompRule): Candidate[] {
  const answer = answerOf(rule.action, rule.errnoRet);
  const args = rule.args ?? [];
  if (args.length === 0) return [{ answer, args: undefined }];
  const blind = (argument: SeccompArgument) => argument.op === 'SCMP_CMP_MASKED_EQ' && BigInt(argument.value) === 0n;
  if (new Set(args.map(({ index }) => index)).size === args.length)
    return [{ answer, args: args.every(blind) ? undefined : args }];
  return args.map((argument) => ({ answer, args: blind(argument) ? undefined : [argument] }));
}

function decide(found: Candidate[], architecture: Architecture, args: readonly bigint[]): number | undefined {
  const plain = found.find((candidate) => candidate.args === undefined);
  if (plain) return plain.answer;
  return found.find((candidate) => candidate.args?.every((argument) => holds(argument, architecture, args)))?.answer;
}

function holds(
  { index, op, value, valueTwo = 0 }: SeccompArgument,
  architecture: Architecture,
  args: readonly bigint[],
) {
  const visible = architecture === 'i386' || architecture === 'arm' ? 0xffffffffn : 0xffffffffffffffffn;
  const actual = (args[index] ?? 0n) & visible;
  const wanted = BigInt(value) & visible;
  switch (op) {
    case 'SCMP_CMP_NE':
      return actual !== wanted;
    case 'SCMP_CMP_LT':
      return actual < wanted;
    case 'SCMP_CMP_LE':
      return actual <= wanted;
    case 'SCMP_CMP_EQ':
      return actual === wanted;
    case 'SCMP_CMP_GE':
      return actual >= wanted;
    case 'SCMP_CMP_GT':
      return actual > wanted;
    default:
      return (actual & wanted) === (BigInt(valueTwo) & wanted);
  }
}
