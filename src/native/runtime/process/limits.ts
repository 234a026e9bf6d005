import type { Process, Rlimit } from '#common/runtime-spec/types.ts';
import { EACCES, EPERM } from '#sys/errno.ts';
import { check, isErrno } from '#sys/errors.ts';
import { writeFile } from '#sys/files.ts';
import { prlimit64, rlimit64 } from '#sys/raw/process.ts';

/** RLIMIT_ numbers of getrlimit(2) in order; the same on x86-64 and aarch64. */
const resources =
  'CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME'.split(' ');

/** Set by the runtime, from outside: in a user namespace the process could not raise them itself. */
export function setLimits(pid: number, { rlimits = [], oomScoreAdj }: Process, warn: (text: string) => void): void {
  for (const limit of rlimits) setLimit(pid, limit, warn);
  if (oomScoreAdj === undefined) return;
  try {
    writeFile(`/proc/${pid}/oom_score_adj`, String(oomScoreAdj));
  } catch (error) {
    // Below the present value it takes CAP_SYS_RESOURCE, which this host's root may lack.
    if (!isErrno(error, EACCES, EPERM)) throw error;
    warn(`process.oomScoreAdj: ${oomScoreAdj} is not allowed here; the inherited value stays`);
  }
}

function setLimit(pid: number, { type, soft, hard }: Rlimit, warn: (text: string) => void): void {
  const number = resources.indexOf(type.slice('RLIMIT_'.length));
  const wanted = rlimit64.pack({ cur: soft, max: hard });
  const result = prlimit64(pid, number, wanted, null);
  if (result !== -EPERM) {
    check(result, 'prlimit64', type);
    return;
  }
  // Raising a hard limit takes CAP_SYS_RESOURCE: go as far as allowed.
  const present = new Uint8Array(rlimit64.size);
  check(prlimit64(pid, number, null, present), 'prlimit64', type);
  const maximum = new DataView(present.buffer).getBigUint64(8, true);
  const clamp = (value: number | bigint) =>
    BigInt.asUintN(64, BigInt(value)) > maximum ? maximum : BigInt.asUintN(64, BigInt(value));
  check(prlimit64(pid, number, rlimit64.pack({ cur: clamp(soft), max: clamp(hard) }), null), 'prlimit64', type);
  warn(`process.rlimits: ${type} ${hard} is above what this host allows; ${maximum} is set`);
}
