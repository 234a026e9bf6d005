import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { limitedValues } from './limited-values.ts';
import type { CreateRequest, ExecConfig, HealthConfig, HostConfig } from './types.ts';

const LARGEST = Number.MAX_SAFE_INTEGER;
const size = check.integer(0, LARGEST);
const orUnlimited = check.integer(-1, LARGEST);
const sizes = check.map(check.content);
const objects = check.map(check.object({ __proto__: null }, []));
/** A field that is not honoured yet. Programs in Go write its zero value for what was not asked for. */
const refused: check.Check = (value) => (asksNothing(value) ? undefined : check.refused(value));

/** Of which only some values are refused so: what docs/not-yet.md says of them. */
const refusedValues = new Map<check.Check, string>();

/** A field of which only one value is honoured yet. */
function only(honoured: string): check.Check {
  const one: check.Check = (value) => (value === honoured || value === '' ? undefined : check.refused(value));
  refusedValues.set(one, `all but \`${honoured}\``);
  return one;
}

/** A field of which some values are not honoured yet. */
function without(values: readonly string[], rest: check.Check): check.Check {
  const one: check.Check = (value) => (values.includes(value as string) ? check.refused(value) : rest(value));
  refusedValues.set(one, values.map((value) => `\`${value}\``).join(', '));
  return one;
}

/** A list of strings, or one string for a list of one. */
const words: check.Check = (value) => (typeof value === 'string' ? undefined : check.list(check.content)(value));

const consoleSize: check.Check = (value) =>
  Array.isArray(value) && value.length === 2 ? check.list(check.integer(0, 0xffff))(value) : 'rows and columns';

/** Docker counts in nanoseconds; less than a millisecond is a mistake of units. */
const duration: check.Check = (value) => {
  const problem = size(value);
  if (problem !== undefined || value === 0 || (value as number) >= 1e6) return problem;
  return '0, or at least 1 ms in nanoseconds';
};

export const healthFields: check.Fields = {
  __proto__: null,
  Test: check.list(check.content),
  Interval: duration,
  Timeout: duration,
  Retries: check.integer(0, 0x7fffffff),
  StartPeriod: duration,
  StartInterval: duration,
};

const health = check.object<HealthConfig>(healthFields, [], ({ Test = [] }) => {
  const [kind, ...rest] = Test;
  if (kind === undefined || kind === 'NONE' || (kind === 'CMD' && rest.length > 0)) return undefined;
  if (kind === 'CMD-SHELL' && rest.length === 1) return undefined;
  return new check.Fault('.Test', 'expected NONE, CMD with arguments, or CMD-SHELL with one command line');
});

/** Fields of `Config`; what is refused is not honoured yet. Engine API, "ContainerConfig". */
export const configFields: check.Fields = {
  __proto__: null,
  Hostname: check.matching(/^[\w.-]{1,63}$/, 'a host name of at most 63 letters, digits, - and .'),
  Domainname: check.text,
  User: check.text,
  AttachStdin: check.boolean,
  AttachStdout: check.boolean,
  AttachStderr: check.boolean,
  ExposedPorts: check.map(check.object({ __proto__: null }, []), /^\d+(-\d+)?(\/(tcp|udp|sctp))?$/, 'PORT/PROTOCOL'),
  Tty: check.boolean,
  OpenStdin: check.boolean,
  StdinOnce: check.boolean,
  Env: check.list(check.matching(/^[^=\0]+(=[^\0]*)?$/, 'NAME=VALUE')),
  Cmd: words,
  Healthcheck: health,
  ArgsEscaped: refused,
  Image: check.text,
  Volumes: objects,
  WorkingDir: check.absolute,
  MacAddress: refused,
  NetworkDisabled: check.boolean,
  Entrypoint: words,
  OnBuild: check.texts,
  Labels: check.map(check.content),
  StopSignal: check.text,
  StopTimeout: check.integer(-1, 0x1fffff),
  Shell: check.texts,
};

const rate = check.object({ __proto__: null, Path: check.absolute, Rate: size }, ['Path', 'Rate']);

const subpath = check.matching(/^(?!\/|(?:[^\0]*\/)?\.\.(?:\/|$))[^\0]*$/, 'a relative path without ..');

const volumeFields: check.Fields = {
  __proto__: null,
  NoCopy: check.boolean,
  Labels: sizes,
  DriverConfig: check.object({ __proto__: null, Name: check.text, Options: sizes }, []),
  Subpath: subpath,
};

const tmpfsFields: check.Fields = {
  __proto__: null,
  SizeBytes: size,
  Mode: check.integer(0, 0o7777),
  Options: check.list(check.list(check.word('an option', '', 'exec noexec'), 1)),
};

const imageFields: check.Fields = {
  __proto__: null,
  Subpath: subpath,
};

/** Of one of `HostConfig.Mounts`. Engine API, "Mount". */
export const mountFields: check.Fields = {
  __proto__: null,
  Target: check.absolute,
  Source: check.text,
  Type: without(['npipe', 'cluster'], check.word('a type', '', 'bind volume tmpfs image')),
  ReadOnly: check.boolean,
  Consistency: check.word('a consistency', '', 'default consistent cached delegated'),
  BindOptions: check.object(
    {
      __proto__: null,
      Propagation: check.word('a propagation', '', 'private rprivate shared rshared slave rslave'),
      NonRecursive: check.boolean,
      CreateMountpoint: check.boolean,
      ReadOnlyNonRecursive: check.boolean,
      ReadOnlyForceRecursive: check.boolean,
    },
    [],
  ),
  VolumeOptions: check.object(volumeFields, []),
  ImageOptions: check.object(imageFields, []),
  TmpfsOptions: check.object(tmpfsFields, []),
};

const mount = check.object(mountFields, ['Target', 'Type']);

/** Fields of `HostConfig`; what is refused is not honoured yet. Engine API, "HostConfig". */
export const hostFields: check.Fields = {
  __proto__: null,
  CpuShares: size,
  Memory: size,
  CgroupParent: check.text,
  BlkioWeight: check.integer(0, 1000),
  BlkioWeightDevice: check.list(
    check.object({ __proto__: null, Path: check.absolute, Weight: check.integer(0, 1000) }, ['Path', 'Weight']),
  ),
  BlkioDeviceReadBps: check.list(rate),
  BlkioDeviceWriteBps: check.list(rate),
  BlkioDeviceReadIOps: check.list(rate),
  BlkioDeviceWriteIOps: check.list(rate),
  CpuPeriod: size,
  CpuQuota: orUnlimited,
  CpuRealtimePeriod: size,
  CpuRealtimeRuntime: size,
  CpusetCpus: check.matching(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'a list such as 0-3,7'),
  CpusetMems: check.matching(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'a list such as 0-3,7'),
  Devices: check.list(
    check.object(
      {
        __proto__: null,
        PathOnHost: check.absolute,
        PathInContainer: check.absolute,
        CgroupPermissions: check.matching(/^[rwm]+$/, 'some of r, w, m'),
      },
      ['PathOnHost'],
    ),
  ),
  DeviceCgroupRules: check.list(
    check.matching(/^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/, 'TYPE MAJOR:MINOR ACCESS, such as c 1:3 rwm'),
  ),
  DeviceRequests: refused,
  KernelMemory: refused,
  KernelMemoryTCP: refused,
  MemoryReservation: size,
  MemorySwap: orUnlimited,
  MemorySwappiness: check.integer(-1, 100),
  NanoCpus: size,
  OomKillDisable: check.boolean,
  Init: check.boolean,
  PidsLimit: orUnlimited,
  Ulimits: check.list(
    check.object(
      {
        __proto__: null,
        Name: check.matching(/^[a-z]+$/, 'the name of a limit'),
        Soft: orUnlimited,
        Hard: orUnlimited,
      },
      ['Name', 'Soft', 'Hard'],
    ),
  ),
  CpuCount: refused,
  CpuPercent: refused,
  IOMaximumIOps: refused,
  IOMaximumBandwidth: refused,
  Binds: check.list(check.text),
  ContainerIDFile: check.text,
  LogConfig: check.object({ __proto__: null, Type: check.text, Config: sizes }, []),
  NetworkMode: check.text,
  PortBindings: refused,
  RestartPolicy: check.object(
    {
      __proto__: null,
      Name: check.word('a policy', '', 'no always unless-stopped on-failure on-unhealthy'),
      MaximumRetryCount: check.integer(0, 0x7fffffff),
    },
    [],
  ),
  AutoRemove: check.boolean,
  VolumeDriver: check.text,
  VolumesFrom: check.list(check.text),
  Mounts: check.list(mount),
  ConsoleSize: consoleSize,
  Annotations: sizes,
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: check.word('a mode', '', 'private host'),
  Dns: check.list(check.text),
  DnsOptions: check.list(check.text),
  DnsSearch: check.list(check.text),
  ExtraHosts: check.list(check.matching(/^[^:=\s]+[:=].+$/, 'NAME:ADDRESS')),
  GroupAdd: check.list(check.text),
  IpcMode: check.text,
  Cgroup: refused,
  Links: refused,
  OomScoreAdj: check.integer(-1000, 1000),
  PidMode: check.text,
  Privileged: check.boolean,
  PublishAllPorts: refused,
  ReadonlyRootfs: check.boolean,
  SecurityOpt: check.list(check.text),
  StorageOpt: refused,
  Tmpfs: sizes,
  UTSMode: check.word('a mode', '', 'host private'),
  UsernsMode: only('host'),
  ShmSize: size,
  Sysctls: sizes,
  Runtime: check.text,
  Isolation: only('default'),
  MaskedPaths: check.list(check.absolute),
  ReadonlyPaths: check.list(check.absolute),
};

function asksNothing(value: unknown): boolean {
  if (typeof value === 'object') return Object.values(value ?? {}).every(asksNothing);
  return value === '' || value === 0 || value === false;
}

const endpoints = check.map(refused);
refusedValues.set(endpoints, 'networks with settings');
const networkingFields: check.Fields = { __proto__: null, EndpointsConfig: endpoints };

const createRequest = check.object(
  {
    ...configFields,
    HostConfig: check.object(hostFields, []),
    NetworkingConfig: check.object(networkingFields, []),
  },
  ['Image'],
);

/** What `POST /containers/create` was sent. Throws `invalid` or `unsupported`, naming the field. */
export function containerCreateRequest(value: unknown): CreateRequest {
  const request = checked<CreateRequest>(createRequest, 'request', value);
  for (const [holder, name] of [
    [request, 'Cmd'],
    [request, 'Entrypoint'],
    [request.HostConfig ?? {}, 'CapAdd'],
    [request.HostConfig ?? {}, 'CapDrop'],
  ] as const) {
    const fields = holder as Record<string, unknown>;
    if (typeof fields[name] === 'string') fields[name] = [fields[name]];
  }
  return request;
}

/** Engine API, "ExecConfig". */
export const execFields: check.Fields = {
  __proto__: null,
  AttachStdin: check.boolean,
  AttachStdout: check.boolean,
  AttachStderr: check.boolean,
  ConsoleSize: consoleSize,
  DetachKeys: check.text,
  Tty: check.boolean,
  Env: check.list(check.matching(/^[^=\0]+(=[^\0]*)?$/, 'NAME=VALUE')),
  Cmd: check.list(check.content, 1),
  Privileged: check.boolean,
  User: check.text,
  WorkingDir: check.absolute,
};

export const updatable = [
  'BlkioWeight',
  'CpuPeriod',
  'CpuQuota',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'CpuShares',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemoryReservation',
  'MemorySwap',
  'NanoCpus',
  'PidsLimit',
  'RestartPolicy',
] as const;

/** What cannot be changed of a container that is made is refused, unless nothing is asked of it. */
const updateRequest = check.object(
  Object.fromEntries(
    Object.entries(hostFields).map(([name, field]) => [name, updatable.includes(name as 'Memory') ? field : refused]),
  ) as check.Fields,
  [],
);

/** What `POST /containers/{id}/update` was sent; zero is for what is to stay. Throws `invalid` or `unsupported`. */
export function containerUpdateRequest(value: unknown): HostConfig {
  const request = checked<HostConfig>(updateRequest, 'request', value);
  const wishes = Object.entries(request).filter(([, wish]) => !asksNothing(wish));
  return Object.fromEntries(wishes) as HostConfig;
}

const execRequest = check.object(execFields, ['Cmd']);

/** What `POST /containers/{id}/exec` was sent. Throws `invalid`, naming the field. */
export function execCreateRequest(value: unknown): ExecConfig {
  return checked<ExecConfig>(execRequest, 'request', value);
}

/** The fields that are refused unless they ask for nothing, what they belong to, and which of their values, if not all. */
export function refusedFields(): { owner: string; field: string; values: string }[] {
  const tables: Record<string, check.Fields> = {
    Config: configFields,
    HostConfig: hostFields,
    'HostConfig.Mounts': mountFields,
    'HostConfig.Mounts.VolumeOptions': volumeFields,
    'HostConfig.Mounts.TmpfsOptions': tmpfsFields,
    'HostConfig.Mounts.ImageOptions': imageFields,
    NetworkingConfig: networkingFields,
  };
  const found = [];
  const owners = [...Object.keys(tables), ...limitedValues().map(({ owner }) => owner)];
  for (const [owner, fields] of Object.entries(tables))
    for (const [field, one] of Object.entries(fields)) {
      const values = one === refused ? 'any' : refusedValues.get(one as check.Check);
      if (values !== undefined) found.push({ owner, field, values });
    }
  return [...found, ...limitedValues()].sort((a, b) => owners.indexOf(a.owner) - owners.indexOf(b.owner));
}
