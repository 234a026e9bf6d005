import { ProaError } from '#common/errors.ts';

/** SECCOMP_RET_* of linux/seccomp.h; the low 16 bits carry an errno or a tracer's message. */
export const KILL_PROCESS = 0x80000000;
const RETURN_ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
export const ANSWER_ENOSYS = RETURN_ERRNO | ENOSYS;

const plain: { readonly [name: string]: number } = {
  __proto__: null as never,
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: KILL_PROCESS,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};
const withNumber: { readonly [name: string]: number } = {
  __proto__: null as never,
  SCMP_ACT_ERRNO: RETURN_ERRNO,
  SCMP_ACT_TRACE: 0x7ff00000,
};

/** What a filter returns for an action: of the rule at position `rule`, or the default when that is undefined. */
export function returnValue(action: string, errno: number | undefined, rule: number | undefined): number {
  const fixed = plain[action];
  if (fixed !== undefined && errno === undefined) return fixed;
  const numbered = withNumber[action];
  if (numbered !== undefined) {
    if (errno === undefined) return numbered | EPERM;
    // The kernel keeps 16 bits: 65536 would become "no error" for a call that was not made.
    if (errno >= 0 && errno <= 0xffff && Number.isInteger(errno)) return numbered | errno;
  }
  throw invalidAction(action, errno, rule);
}

function invalidAction(action: string, errno: number | undefined, rule: number | undefined): ProaError {
  const path = rule === undefined ? 'linux.seccomp.default' : `linux.seccomp.syscalls[${rule}].`;
  const [actionField, errnoField] =
    rule === undefined ? [`${path}Action`, `${path}ErrnoRet`] : [`${path}action`, `${path}errnoRet`];
  if (withNumber[action] !== undefined)
    return new ProaError(`${errnoField}: expected an errno, got ${errno}`, { kind: 'invalid' });
  // The specification wants a failure here: "when the action doesn't support an errno".
  if (plain[action] !== undefined) return new ProaError(`${errnoField}: ${action} takes no errno`, { kind: 'invalid' });
  if (action === 'SCMP_ACT_NOTIFY')
    return new ProaError(`${actionField}: SCMP_ACT_NOTIFY is not supported yet`, { kind: 'unsupported' });
  return new ProaError(`${actionField}: expected an action such as SCMP_ACT_ERRNO, got "${action}"`, {
    kind: 'invalid',
  });
}

/** Whether calls that are newer than the profile go to the default action: it lets them through, or a tracer decides. */
export function letsThrough(defaultAction: string): boolean {
  return defaultAction === 'SCMP_ACT_ALLOW' || defaultAction === 'SCMP_ACT_LOG' || defaultAction === 'SCMP_ACT_TRACE';
}

const flagBits: { readonly [name: string]: number } = {
  __proto__: null as never,
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  // It governs how a listener is waited for, and the kernel answers EINVAL when there is none. We offer none yet.
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 0,
};

/**
 * The flags for seccomp(2). A profile without a `flags` member gets SPEC_ALLOW, as from runc and crun: mitigations
 * against speculative store bypass are costly, and since Linux 5.16 seccomp does not ask for them anyway.
 */
export function filterFlags(flags: readonly string[] | undefined): number {
  if (flags === undefined) return flagBits['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] as number;
  let bits = 0;
  flags.forEach((flag, at) => {
    const bit = flagBits[flag];
    if (bit === undefined)
      throw new ProaError(`linux.seccomp.flags[${at}]: expected SECCOMP_FILTER_FLAG_*, got "${flag}"`, {
        kind: 'invalid',
      });
    bits |= bit;
  });
  return bits;
}
