import { capabilityNumbers } from '#common/runtime-spec/capabilities.ts';
import { check, SystemError } from './errors.ts';
import { layout } from './layout.ts';
import * as raw from './raw/process.ts';

const capHeader = layout('__user_cap_header_struct', { version: 'u32', pid: 's32' });
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** Capabilities as the two 32-bit words that capset(2) takes. */
export type CapabilityMask = readonly [low: number, high: number];

/** The set that holds `names` (with CAP_); names that this kernel does not have are left out. */
export function capabilityMask(names: readonly string[] = []): CapabilityMask {
  let low = 0;
  let high = 0;
  for (const name of names) {
    const bit = capabilityNumbers[name];
    if (bit === undefined) continue;
    if (bit >= 32) high |= 1 << (bit - 32);
    else low |= 1 << bit;
  }
  return [low >>> 0, high >>> 0];
}

export function setCapabilities(
  effective: CapabilityMask,
  permitted: CapabilityMask,
  inheritable: CapabilityMask,
): void {
  const data = new Uint8Array(24);
  const view = new DataView(data.buffer);
  [effective, permitted, inheritable].forEach(([low, high], index) => {
    view.setUint32(index * 4, low, true);
    view.setUint32(12 + index * 4, high, true);
  });
  check(raw.capset(capHeader.pack({ version: LINUX_CAPABILITY_VERSION_3 }), data), 'capset');
}

/** What this process may do now: permitted set. capget(2). */
export function permittedCapabilities(): CapabilityMask {
  const data = new Uint8Array(24);
  check(raw.capget(capHeader.pack({ version: LINUX_CAPABILITY_VERSION_3 }), data), 'capget');
  const view = new DataView(data.buffer);
  return [view.getUint32(4, true), view.getUint32(16, true)];
}

const LAST_KNOWN = 63;

/** Takes everything but `keep` out of the bounding set, up to the last capability that the kernel has. */
export function limitBoundingSet([low, high]: CapabilityMask): void {
  for (let bit = 0; bit <= LAST_KNOWN; bit++) {
    const kept = bit < 32 ? low & (1 << bit) : high & (1 << (bit - 32));
    if (kept) continue;
    const result = raw.prctl(raw.PR_CAPBSET_DROP, bit);
    // prctl(2), PR_CAPBSET_DROP: EINVAL says that there is no such capability, so none after it either.
    if (result === -22) return;
    if (result < 0) throw new SystemError('prctl', -result, `PR_CAPBSET_DROP ${nameOf(bit)}`);
  }
}

/** The ambient set becomes `mask`; what is not permitted and inheritable is left out, and returned. */
export function setAmbientCapabilities([low, high]: CapabilityMask): string[] {
  check(raw.prctl(raw.PR_CAP_AMBIENT, raw.PR_CAP_AMBIENT_CLEAR_ALL), 'prctl', 'PR_CAP_AMBIENT_CLEAR_ALL');
  const refused: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if (!(bit < 32 ? low & (1 << bit) : high & (1 << (bit - 32)))) continue;
    if (raw.prctl(raw.PR_CAP_AMBIENT, raw.PR_CAP_AMBIENT_RAISE, bit) < 0) refused.push(nameOf(bit));
  }
  return refused;
}

function nameOf(bit: number): string {
  return Object.keys(capabilityNumbers).find((name) => capabilityNumbers[name] === bit) ?? String(bit);
}

/** User and group that this process acts as. */
export function ownIds(): { uid: number; gid: number } {
  return { uid: raw.geteuid(), gid: raw.getegid() };
}

/** Supplementary groups, then group, then user. setgroups(2), setresgid(2), setresuid(2). */
export function setIdentity({
  uid,
  gid,
  groups,
}: {
  uid: number;
  gid: number;
  groups: readonly number[] | undefined;
}): void {
  if (groups !== undefined) {
    const list = new Uint8Array(groups.length * 4);
    groups.forEach((group, index) => {
      new DataView(list.buffer).setUint32(index * 4, group, true);
    });
    check(raw.setgroups(groups.length, groups.length === 0 ? null : list), 'setgroups', groups.join(' '));
  }
  check(raw.setresgid(gid, gid, gid), 'setresgid', `${gid}`);
  check(raw.setresuid(uid, uid, uid), 'setresuid', `${uid}`);
}

/** Whether capabilities survive the change from user 0 to another. prctl(2), PR_SET_KEEPCAPS. */
export function keepCapabilities(on: boolean): void {
  check(raw.prctl(raw.PR_SET_KEEPCAPS, on ? 1 : 0), 'prctl', 'PR_SET_KEEPCAPS');
}

/** Nothing this process executes will gain privileges. prctl(2), PR_SET_NO_NEW_PRIVS. */
export function setNoNewPrivileges(): void {
  check(raw.prctl(raw.PR_SET_NO_NEW_PRIVS, 1), 'prctl', 'PR_SET_NO_NEW_PRIVS');
}
