// linux.seccomp of config.json: config-linux.md, "Seccomp".
import type { Integer64 } from './types.ts';

export interface Seccomp {
  defaultAction: SeccompAction;
  defaultErrnoRet?: number | undefined;
  architectures?: SeccompArchitecture[] | undefined;
  /** Absent differs from empty: runc then sets SPEC_ALLOW. */
  flags?: SeccompFlag[] | undefined;
  syscalls?: SeccompRule[] | undefined;
}

export interface SeccompRule {
  /** At least one; names unknown to the kernel's tables may occur. */
  names: string[];
  action: SeccompAction;
  errnoRet?: number;
  args?: SeccompArgument[];
}

export interface SeccompArgument {
  /** 0 to 5. */
  index: number;
  /** For `SCMP_CMP_MASKED_EQ` the mask. */
  value: Integer64;
  /** For `SCMP_CMP_MASKED_EQ` what the masked argument must be. */
  valueTwo?: Integer64;
  op: SeccompOperator;
}

/** `SCMP_ACT_NOTIFY` is refused for now. `SCMP_ACT_KILL` is `SCMP_ACT_KILL_THREAD`. */
export type SeccompAction =
  | 'SCMP_ACT_KILL'
  | 'SCMP_ACT_KILL_PROCESS'
  | 'SCMP_ACT_KILL_THREAD'
  | 'SCMP_ACT_TRAP'
  | 'SCMP_ACT_ERRNO'
  | 'SCMP_ACT_TRACE'
  | 'SCMP_ACT_ALLOW'
  | 'SCMP_ACT_LOG';

export type SeccompOperator =
  | 'SCMP_CMP_NE'
  | 'SCMP_CMP_LT'
  | 'SCMP_CMP_LE'
  | 'SCMP_CMP_EQ'
  | 'SCMP_CMP_GE'
  | 'SCMP_CMP_GT'
  | 'SCMP_CMP_MASKED_EQ';

export type SeccompFlag =
  | 'SECCOMP_FILTER_FLAG_TSYNC'
  | 'SECCOMP_FILTER_FLAG_LOG'
  | 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'
  | 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

export type SeccompArchitecture =
  | 'SCMP_ARCH_X86'
  | 'SCMP_ARCH_X86_64'
  | 'SCMP_ARCH_X32'
  | 'SCMP_ARCH_ARM'
  | 'SCMP_ARCH_AARCH64'
  | 'SCMP_ARCH_LOONGARCH64'
  | 'SCMP_ARCH_M68K'
  | 'SCMP_ARCH_MIPS'
  | 'SCMP_ARCH_MIPS64'
  | 'SCMP_ARCH_MIPS64N32'
  | 'SCMP_ARCH_MIPSEL'
  | 'SCMP_ARCH_MIPSEL64'
  | 'SCMP_ARCH_MIPSEL64N32'
  | 'SCMP_ARCH_PPC'
  | 'SCMP_ARCH_PPC64'
  | 'SCMP_ARCH_PPC64LE'
  | 'SCMP_ARCH_S390'
  | 'SCMP_ARCH_S390X'
  | 'SCMP_ARCH_SH'
  | 'SCMP_ARCH_SHEB'
  | 'SCMP_ARCH_PARISC'
  | 'SCMP_ARCH_PARISC64'
  | 'SCMP_ARCH_RISCV64';
