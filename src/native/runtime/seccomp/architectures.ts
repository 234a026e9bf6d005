import { ProaError } from '#common/errors.ts';
import type { Machine } from './tables.ts';

/** AUDIT_ARCH_* of linux/audit.h. x32 has none of its own: it is x86-64 with bit 30 set in the call's number. */
export const AUDIT = { 'x86-64': 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const;
export const X32_BIT = 0x40000000;
export const ALL_BUT_X32_BIT = 0xbfffffff;
/** The first number, without the bit, that x32 does not share with x86-64. */
export const X32_FIRST = 512;

/** A run of slots that stands for consecutive numbers. Bounds are multiples of eight: see segments.ts. */
export interface Region {
  readonly firstSlot: number;
  readonly endSlot: number;
  /** Number minus slot. */
  readonly shift: number;
}

const COMMON: Region = { firstSlot: 0, endSlot: 512, shift: -1 };
/** What x32 numbers 512 and up (the bit is gone by then). */
export const X32: readonly Region[] = [{ firstSlot: 520, endSlot: 560, shift: -8 }];
/** ARM's private calls begin at 0xf0000: arch/arm/include/uapi/asm/unistd.h. */
const ARM_PRIVATE: Region = { firstSlot: 1000, endSlot: 1024, shift: 0xf0000 - 1000 };

interface Family {
  readonly native: string;
  readonly audit: number;
  readonly regions: readonly Region[];
  readonly compat: string;
  readonly compatAudit: number;
  readonly compatRegions: readonly Region[];
}

export const families: { readonly [machine in Machine]: Family } = {
  'x86-64': {
    native: 'SCMP_ARCH_X86_64',
    audit: AUDIT['x86-64'],
    regions: [COMMON],
    compat: 'SCMP_ARCH_X86',
    compatAudit: AUDIT.i386,
    compatRegions: [COMMON],
  },
  aarch64: {
    native: 'SCMP_ARCH_AARCH64',
    audit: AUDIT.aarch64,
    regions: [COMMON],
    compat: 'SCMP_ARCH_ARM',
    compatAudit: AUDIT.arm,
    compatRegions: [COMMON, ARM_PRIVATE],
  },
};

const known =
  / (X86(_64)?|X32|ARM|AARCH64|LOONGARCH64|M68K|MIPS(64|64N32)?|MIPSEL(64|64N32)?|PPC(64|64LE)?|S390X?|SH(EB)?|PARISC(64)?|RISCV64) /;

/**
 * Which of a machine's further architectures a profile lists; the native one is always in, as in libseccomp.
 *
 * Architectures of other machines are accepted and left out: no process on this machine can have them, so rules for them
 * would only use up instructions. libseccomp writes those rules when the byte order is the same and fails when it is
 * not; a profile that is valid elsewhere should start here too. Names outside the specification are `invalid`.
 */
export function listedArchitectures(
  names: readonly string[] | undefined,
  machine: Machine,
): { compat: boolean; x32: boolean } {
  const listed = { compat: false, x32: false };
  names?.forEach((name, at) => {
    if (name === families[machine].compat) listed.compat = true;
    else if (name === 'SCMP_ARCH_X32') listed.x32 = machine === 'x86-64';
    else if (!name.startsWith('SCMP_ARCH_') || !known.test(` ${name.slice('SCMP_ARCH_'.length)} `))
      throw new ProaError(`linux.seccomp.architectures[${at}]: expected SCMP_ARCH_*, got "${name}"`, {
        kind: 'invalid',
      });
  });
  return listed;
}
