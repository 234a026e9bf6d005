/** `linux.seccomp` of an OCI configuration: what this folder reads of it. Source: runtime-spec, config-linux.md, "Seccomp". */
export interface Seccomp {
  defaultAction: string;
  /** For SCMP_ACT_ERRNO and SCMP_ACT_TRACE; EPERM unless given. */
  defaultErrnoRet?: number | undefined;
  /** SCMP_ARCH_*; the machine's own architecture is always meant too. */
  architectures?: readonly string[] | undefined;
  /** SECCOMP_FILTER_FLAG_*. Absent is not empty: see `filterFlags`. */
  flags?: readonly string[] | undefined;
  listenerPath?: string | undefined;
  listenerMetadata?: string | undefined;
  syscalls?: readonly SeccompRule[] | undefined;
}

export interface SeccompRule {
  /** Names that no architecture knows are skipped: a profile may be newer than this program. */
  names: readonly string[];
  action: string;
  errnoRet?: number | undefined;
  /** All must hold; but when two look at the same argument, each of them alone is enough, as in runc and crun. */
  args?: readonly SeccompArgument[] | undefined;
}

export interface SeccompArgument {
  /** 0 to 5. */
  index: number;
  /** 64 bits, unsigned. For SCMP_CMP_MASKED_EQ the mask. */
  value: number | bigint;
  /** For SCMP_CMP_MASKED_EQ: what the masked argument is compared with. */
  valueTwo?: number | bigint | undefined;
  op: string;
}
