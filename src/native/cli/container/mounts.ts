import { bytesFromSize } from '#common/units/sizes.ts';
import { UsageError } from '../failures.ts';

interface Mount {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: Record<string, unknown>;
  VolumeOptions?: { NoCopy?: boolean; Labels?: Record<string, string>; Subpath?: string; DriverConfig?: DriverConfig };
  ImageOptions?: { Subpath: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

interface DriverConfig {
  Name?: string;
  Options?: Record<string, string>;
}

type Rule = (mount: Mount, value: string) => boolean | undefined;

const recursions: Record<string, Record<string, boolean>> = {
  enabled: {},
  disabled: { NonRecursive: true },
  writable: { ReadOnlyNonRecursive: true },
  readonly: { ReadOnlyForceRecursive: true },
};

function truth(value: string): boolean | undefined {
  if (['', '1', 'true'].includes(value)) return true;
  return ['0', 'false'].includes(value) ? false : undefined;
}

/** Each key of `--mount`; answers false where the value is wrong. Docker CLI reference, "Add bind mounts, volumes or tmpfs". */
const keys: Record<string, Rule> = {
  type: (mount, value) => {
    mount.Type = value;
    return ['bind', 'volume', 'tmpfs', 'image', 'npipe', 'cluster'].includes(value);
  },
  source: (mount, value) => {
    mount.Source = value;
    return value !== '';
  },
  target: (mount, value) => {
    mount.Target = value;
    return value !== '';
  },
  readonly: (mount, value) => {
    const on = truth(value);
    if (on !== undefined) mount.ReadOnly = on;
    return on !== undefined;
  },
  consistency: (mount, value) => {
    mount.Consistency = value;
    return true;
  },
  'bind-propagation': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value };
    return ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'].includes(value);
  },
  'bind-recursive': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, ...recursions[value] };
    return Object.hasOwn(recursions, value);
  },
  'bind-create-src': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: truth(value) ?? false };
    return truth(value) !== undefined;
  },
  'volume-nocopy': (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: truth(value) ?? false };
    return truth(value) !== undefined;
  },
  'volume-subpath': (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
    return value !== '';
  },
  'volume-label': (mount, value) => {
    const [name, text] = pair(value);
    mount.VolumeOptions = { ...mount.VolumeOptions, Labels: { ...mount.VolumeOptions?.Labels, [name]: text } };
    return name !== '';
  },
  'volume-driver': (mount, value) => {
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: value },
    };
    return value !== '';
  },
  'volume-opt': (mount, value) => {
    const [name, text] = pair(value);
    const config = mount.VolumeOptions?.DriverConfig;
    const options = { ...config?.Options, [name]: text };
    mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig: { ...config, Options: options } };
    return name !== '';
  },
  'image-subpath': (mount, value) => {
    mount.ImageOptions = { Subpath: value };
    return value !== '';
  },
  'tmpfs-size': (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: bytesFromSize(value) };
    return true;
  },
  'tmpfs-mode': (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
    return /^[0-7]{1,5}$/.test(value);
  },
};

const otherKeys: Record<string, string> = { src: 'source', dst: 'target', destination: 'target', ro: 'readonly' };

/** What `--mount` means: `type=bind,source=/a,target=/b,readonly`. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' };
  const refuse = (why: string) => new UsageError(`invalid argument ${JSON.stringify(text)} for "--mount" flag: ${why}`);
  for (const field of fieldsOf(text)) {
    const [given, value] = pair(field);
    const name = given.toLowerCase();
    const key = otherKeys[name] ?? name;
    const rule = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (!rule) throw refuse(`unexpected key '${given}' in '${field}'`);
    if (!field.includes('=') && key !== 'readonly' && key !== 'volume-nocopy')
      throw refuse(`invalid field '${field}' must be a key=value pair`);
    if (rule(mount, value) === false) throw refuse(`invalid value for ${given}: ${value}`);
  }
  if (mount.Target === undefined) throw refuse('target is required');
  const kinds = { BindOptions: 'bind', VolumeOptions: 'volume', TmpfsOptions: 'tmpfs', ImageOptions: 'image' } as const;
  for (const [options, type] of Object.entries(kinds))
    if (mount[options as keyof typeof kinds] && mount.Type !== type)
      throw refuse(`cannot mix '${type}-*' options with mount type '${mount.Type}'`);
  return mount;
}

function pair(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** The fields of one line of comma-separated values: a field with commas stands in double quotes. RFC 4180. */
export function fieldsOf(line: string): string[] {
  const fields: string[] = [];
  let rest = `,${line}`;
  while (rest !== '') {
    const match = /^,(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/.exec(rest);
    if (!match) break;
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    rest = rest.slice(match[0].length);
  }
  return fields;
}
