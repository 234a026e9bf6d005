import { isIP } from 'node:net';
import { checkHonoured, isHonoured } from '#common/docker-api/limited-values.ts';
import { ProaError } from '#common/errors.ts';

/** Of the driver `local`, as mount(8) has them. docs.docker.com, "docker volume create", driver-specific options. */
export type VolumeOptions = Record<string, string>;

/** Throws `invalid` for options that there are not, or that want others. */
export function checkOptions(options: VolumeOptions): void {
  const names = Object.keys(options);
  for (const name of names)
    if (isHonoured('Volume.DriverOpts', name) && !['type', 'o', 'device'].includes(name))
      throw new ProaError(`DriverOpts: invalid option: "${name}"`, { kind: 'invalid' });
  for (const name of names) if (options[name]) checkHonoured('Volume.DriverOpts', name);
  for (const [name, wanted] of [
    ['device', 'type'],
    ['type', 'device'],
    ['o', 'device'],
  ] as const)
    if (options[name] && !options[wanted])
      throw new ProaError(`DriverOpts: missing required option: "${wanted}"`, { kind: 'invalid' });
  for (const [name, value] of Object.entries(options))
    if (value.includes('\0')) throw new ProaError(`DriverOpts.${name}: holds NUL`, { kind: 'invalid' });
  const { type = '', o = '', device = '' } = options;
  const binds = o.split(',').some((option) => /^r?bind$/.test(option));
  if (binds && !device.startsWith('/'))
    throw new ProaError(`DriverOpts.device: expected an absolute path, got "${device}"`, { kind: 'invalid' });
  if ((type === 'none' || type === 'bind') && !binds)
    throw new ProaError(`DriverOpts.o: type "${type}" needs bind or rbind, got "${o}"`, { kind: 'invalid' });
}

/** The directory of the machine that stands in place of the volume's own. */
export function boundDirectory({ type, o, device }: VolumeOptions): string | undefined {
  return (type === 'none' || type === 'bind') && /^r?bind$/.test(o ?? '') ? device : undefined;
}

/** Whether something has to be mounted before the volume is used. */
export function isMount(options: VolumeOptions): boolean {
  return Boolean(options['type']) && boundDirectory(options) === undefined;
}

/** The machine that a network file system is on, where the kernel is told it by name: it knows addresses alone. */
export function serverName({ type = '', o = '' }: VolumeOptions): string | undefined {
  if (!['nfs', 'nfs4', 'cifs'].includes(type)) return undefined;
  const [, name] = /(?:^|,)addr=([^,]+)/.exec(o) ?? [];
  return name === undefined || isIP(name) !== 0 ? undefined : name;
}
