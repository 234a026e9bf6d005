import { type Group, groups } from './profile.ts';

/** A `linux.seccomp` object of an OCI configuration, with the members that Docker's profile has. */
export interface DockerSeccomp {
  defaultAction: 'SCMP_ACT_ERRNO';
  defaultErrnoRet: number;
  architectures: string[];
  syscalls: DockerSeccompRule[];
}

export interface DockerSeccompRule {
  names: string[];
  action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

export interface DockerSeccompOptions {
  /** The container's bounding set, such as `"CAP_SYS_ADMIN"`. */
  capabilities: readonly string[];
  architecture: 'x86-64' | 'aarch64';
  /** Of the machine that runs the container. */
  kernel: { major: number; minor: number };
}

const architectures = {
  'x86-64': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  aarch64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/**
 * Docker's default seccomp profile for one container, as dockerd would write it into the configuration; rules of the same
 * effect are joined. Each call gives a new object. Source: github.com/moby/profiles, seccomp/seccomp_linux.go.
 */
export function dockerSeccomp({ capabilities, architecture, kernel }: DockerSeccompOptions): DockerSeccomp {
  const applies = ({ needs, unless, only, since = [0, 0] }: Group) =>
    (needs === undefined || capabilities.includes(needs)) &&
    (unless === undefined || !capabilities.includes(unless)) &&
    (only === undefined || only === architecture) &&
    (kernel.major > since[0] || (kernel.major === since[0] && kernel.minor >= since[1]));
  const given = groups.filter(applies);
  const plain = given.filter(({ errno, when }) => errno === undefined && when === undefined);
  const names = new Set(plain.flatMap((group) => group.names.split(' ')));
  const special = given.filter((group) => !plain.includes(group));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: [...architectures[architecture]],
    syscalls: [{ names: [...names], action: 'SCMP_ACT_ALLOW' }, ...special.flatMap(rulesOf)],
  };
}

function rulesOf({ names, errno, when = [] }: Group): DockerSeccompRule[] {
  if (errno !== undefined) return [{ names: names.split(' '), action: 'SCMP_ACT_ERRNO', errnoRet: errno }];
  return when.map(([index, op, value]) => ({
    names: names.split(' '),
    action: 'SCMP_ACT_ALLOW',
    // For MASKED_EQ the value is the mask, and what must be left of the argument is nothing.
    args: [{ index, value, ...(op === 'MASKED_EQ' ? { valueTwo: 0 } : {}), op: `SCMP_CMP_${op}` }],
  }));
}
