// Capability sets: capabilities(7), linux/capability.h.
import type { Capabilities, Process } from './types.ts';

/**
 * Number by name; no other names are in it (it has no prototype). A literal, since a Map made of a list takes ten times
 * as long to set up when the program starts.
 */
export const capabilityNumbers: Readonly<Record<string, number | undefined>> = {
  // @ts-expect-error sets the prototype, and is no entry
  __proto__: null,
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
};

const sets = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;

/**
 * Takes names that no kernel known to us has out of the sets of `process`, and answers with one warning for each, as
 * config.md, "Linux Process", demands ("MUST be logged as a warning") and runc does.
 */
export function dropUnknownCapabilities({ capabilities }: Process): string[] {
  const warnings: string[] = [];
  for (const set of sets) {
    const names = capabilities?.[set];
    if (names?.every(isKnown) !== false) continue;
    for (const [index, name] of names.entries()) {
      if (isKnown(name)) continue;
      warnings.push(`process.capabilities.${set}[${index}]: unknown capability ${JSON.stringify(name)}`);
    }
    (capabilities as Capabilities)[set] = names.filter(isKnown);
  }
  return warnings;
}

function isKnown(name: string): boolean {
  return capabilityNumbers[name] !== undefined;
}
