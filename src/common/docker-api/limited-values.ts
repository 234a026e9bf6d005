import { ProaError } from '../errors.ts';

interface Limits {
  /** All that is honoured; everything else is refused. */
  honoured?: readonly string[];
  /** What is refused, of what there is. */
  refused?: readonly string[];
}

/** Fields of which some values are not honoured yet, which the tables of requests do not tell. `NAME` is any text. */
const limits = {
  'HostConfig.NetworkMode': { honoured: ['none', 'host', 'container:NAME'] },
  'HostConfig.LogConfig.Type': { honoured: ['json-file', 'none'] },
  'HostConfig.LogConfig.Config': { refused: ['labels', 'labels-regex', 'env', 'env-regex', 'tag'] },
  'HostConfig.SecurityOpt.label': { honoured: ['disable'] },
  'HostConfig.ExtraHosts': { refused: ['NAME:host-gateway'] },
  'HostConfig.VolumeDriver': { honoured: ['local'] },
  'HostConfig.Mounts.VolumeOptions.DriverConfig.Name': { honoured: ['local'] },
  'Volume.Driver': { honoured: ['local'] },
  'Volume.DriverOpts': { refused: ['size'] },
  'Volume.ClusterVolumeSpec': { honoured: [] },
} as const satisfies Record<string, Limits>;

export type LimitedField = keyof typeof limits;

export function isHonoured(field: LimitedField, value: string): boolean {
  const { honoured, refused = [] }: Limits = limits[field];
  const fits = (one: string) => {
    const [before = '', after] = one.split('NAME');
    return after === undefined ? one === value : value.startsWith(before) && value.endsWith(after);
  };
  return honoured ? honoured.some(fits) : !refused.some(fits);
}

/** Throws `unsupported`, naming the field, for a value that is not honoured. */
export function checkHonoured(field: LimitedField, value: string): void {
  if (isHonoured(field, value)) return;
  const { honoured = [] }: Limits = limits[field];
  throw new ProaError(`${field}: "${value}" is not supported`, {
    kind: 'unsupported',
    ...(honoured.length > 0 && { remedy: `There is: ${honoured.join(', ')}` }),
  });
}

export function limitedValues(): { owner: string; field: string; values: string }[] {
  return Object.entries(limits as Record<string, Limits>).map(([path, { honoured, refused = [] }]) => {
    const at = path.lastIndexOf('.');
    const quoted = (honoured ?? refused).map((value) => `\`${value}\``).join(', ');
    const values = honoured ? (honoured.length > 0 ? `all but ${quoted}` : 'any') : quoted;
    return { owner: path.slice(0, at), field: path.slice(at + 1), values };
  });
}
