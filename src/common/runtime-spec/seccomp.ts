// `linux.seccomp` of config.json: config-linux.md, "Seccomp".
import {
  type Check,
  Fault,
  integer,
  list,
  locate,
  object,
  type Problem,
  refused,
  refusedUnlessEmpty,
  uint16,
  uint64,
  word,
} from '../check/check.ts';
import type { Seccomp, SeccompAction, SeccompRule } from './seccomp-types.ts';

const knownAction = word('an action', 'SCMP_ACT_', 'ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD TRAP TRACE LOG');
const action: Check = (value) => (value === 'SCMP_ACT_NOTIFY' ? refused(value) : knownAction(value));

const argument = object(
  {
    __proto__: null,
    index: integer(0, 5),
    value: uint64,
    valueTwo: uint64,
    op: word('an operator', 'SCMP_CMP_', 'NE LT LE EQ GE GT MASKED_EQ'),
  },
  ['index', 'value', 'op'],
);

// Hundreds; the kernel never sees them.
const names: Check = (value) => {
  if (!Array.isArray(value)) return 'an array';
  if (value.length === 0) return 'at least one item';
  for (let index = 0; index < value.length; index++) {
    if (typeof value[index] !== 'string') return locate('a string', index, value[index]);
  }
};

const rule = object<SeccompRule>(
  { __proto__: null, names, action, errnoRet: uint16, args: list(argument) },
  ['names', 'action'],
  ({ action, errnoRet }) => takesErrno('.errnoRet', errnoRet, action),
);

export const seccomp = object<Partial<Seccomp>>(
  {
    __proto__: null,
    defaultAction: action,
    defaultErrnoRet: uint16,
    architectures: list(
      word(
        'an architecture',
        'SCMP_ARCH_',
        'X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X SH SHEB PARISC PARISC64 RISCV64',
      ),
    ),
    flags: list(word('a flag', 'SECCOMP_FILTER_FLAG_', 'TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV')),
    listenerPath: refusedUnlessEmpty,
    listenerMetadata: refusedUnlessEmpty,
    syscalls: list(rule),
  },
  [],
  complete,
);

function complete({ defaultAction, defaultErrnoRet, syscalls }: Partial<Seccomp>): Problem {
  if (defaultAction !== undefined) return takesErrno('.defaultErrnoRet', defaultErrnoRet, defaultAction);
  return syscalls === undefined || syscalls.length === 0 ? undefined : new Fault('.defaultAction', 'missing');
}

// config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error and fail."
function takesErrno(path: string, errno: number | undefined, action: SeccompAction): Problem {
  if (errno === undefined || action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE') return;
  return new Fault(path, `has no meaning for ${action}, got ${errno}`);
}
