import type { DeviceRule, Resources } from '#common/runtime-spec/types.ts';

/**
 * What every container may do, whatever its own rules say: make any device file, use those that each container has
 * (config-linux.md, "Default Devices"), its terminals (136:*, 5:2), and, as runc and crun for VPN clients, /dev/net/tun.
 * Each as devices.allow takes it: Documentation/admin-guide/cgroup-v1/devices.rst.
 */
export const defaultRules: readonly string[] = [
  'c *:* m',
  'b *:* m',
  'c 1:3 rwm',
  'c 1:5 rwm',
  'c 1:7 rwm',
  'c 1:8 rwm',
  'c 1:9 rwm',
  'c 5:0 rwm',
  'c 5:2 rwm',
  'c 136:* rwm',
  'c 10:200 rwm',
];

/** Whether a rule decides on everything, so that those before it have no say. */
export function decidesAll({ type = 'a', major = -1, minor = -1, access = 'rwm' }: DeviceRule): boolean {
  return type === 'a' && major === -1 && minor === -1 && ['r', 'w', 'm'].every((letter) => access.includes(letter));
}

/**
 * Whether a new cgroup is to be told anything but device rules. Callers write what they do not want as false or zero
 * (Docker: `"blockIO":{"weight":0}`); in few places zero means something.
 */
export function asksForLimits(resources: Resources): boolean {
  return Object.entries(resources).some(([section, fields]) => {
    if (section === 'devices') return false;
    const zeroCounts = section === 'pids' || section === 'unified';
    return Object.entries(fields).some(([field, value]) => value || zeroCounts || field === 'swappiness');
  });
}
