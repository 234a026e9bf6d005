import type { Process, Rlimit } from '#common/runtime-spec/types.ts';
import { EACCES, EPERM } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import { writeFile } from '#sys/files.ts';
import { prlimit64, rlimit64 } from '#sys/raw/process.ts';

/** RLIMIT_ numbers of getrlimit(2); the same on x86-64 and aarch64. */
const numbers: Record<string, number> = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
};

/** Limits of this process, set while it still has its rights. */
export function setOwnLimits(rlimits: readonly Rlimit[], warn: (text: string) => void): void {
  for (const { type, soft, hard } of rlimits) {
    const number = numbers[type] as number;
    const result = prlimit64(0, number, rlimit64.pack({ cur: soft, max: hard }), null);
    if (result === -EPERM) clampLimit(number, { type, soft, hard }, warn);
    else check(result, 'prlimit64', type);
  }
}

/** Raising a hard limit takes CAP_SYS_RESOURCE, which this host's root may lack: go as far as allowed. */
function clampLimit(number: number, { type, soft, hard }: Rlimit, warn: (text: string) => void): void {
  const maximum = hardLimit(0, number, type);
  // Math.min() takes no bigints.
  const clamp = (value: number | bigint) => {
    const wanted = unsigned(value);
    return wanted > maximum ? maximum : wanted;
  };
  check(prlimit64(0, number, rlimit64.pack({ cur: clamp(soft), max: clamp(hard) }), null), 'prlimit64', type);
  warn(`process.rlimits: ${type} ${hard} is above what this host allows; ${maximum} is set`);
}

function hardLimit(pid: number, number: number, type: string): bigint {
  const present = new Uint8Array(rlimit64.size);
  check(prlimit64(pid, number, null, present), 'prlimit64', type);
  return new DataView(present.buffer).getBigUint64(8, true);
}

/**
 * Raises the hard limits of a process in a user namespace, where it could not do so itself. Where the runtime may not
 * either, the process goes as far as it can.
 */
export function raiseLimits(pid: number, rlimits: readonly Rlimit[]): void {
  for (const { type, hard } of rlimits) {
    const number = numbers[type] as number;
    if (unsigned(hard) <= hardLimit(pid, number, type)) continue;
    const result = prlimit64(pid, number, rlimit64.pack({ cur: hard, max: hard }), null);
    if (result !== -EPERM) check(result, 'prlimit64', type);
  }
}

function unsigned(value: number | bigint): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

/** How likely the kernel is to choose the process when memory runs out. proc_pid_oom_score_adj(5). */
export function setOomScore(pid: number | 'self', { oomScoreAdj }: Process, warn: (text: string) => void): void {
  if (oomScoreAdj === undefined) return;
  try {
    writeFile(`/proc/${pid}/oom_score_adj`, String(oomScoreAdj));
  } catch (error) {
    // Below the present value it takes CAP_SYS_RESOURCE, which this host's root may lack.
    if (!isErrno(error, EACCES, EPERM)) throw error;
    warn(`process.oomScoreAdj: ${oomScoreAdj} is not allowed here; the inherited value stays`);
  }
}
