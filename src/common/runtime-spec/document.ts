// The whole of config.json as one table: config.md and config-linux.md.
import {
  absolute,
  boolean,
  content,
  Fault,
  id,
  integer,
  list,
  map,
  matching,
  object,
  type Problem,
  refused,
  refusedUnlessEmpty,
  text,
  texts,
  uint32,
  word,
} from '../check/check.ts';
import { hooks } from './hooks.ts';
import { rare } from './late.ts';
import { process } from './process.ts';
import { resources } from './resources.ts';
import { parameterName } from './rules.ts';
import { seccomp } from './seccomp.ts';
import type { Config, Device, IdMapping, Mount } from './types.ts';

const mappings = list(
  object<IdMapping>({ __proto__: null, containerID: uint32, hostID: uint32, size: integer(1, 0xffffffff) }, [
    'containerID',
    'hostID',
    'size',
  ]),
);

const mount = object<Mount>(
  {
    __proto__: null,
    destination: text,
    type: text,
    source: text,
    options: texts,
    uidMappings: mappings,
    gidMappings: mappings,
  },
  ['destination'],
  ({ uidMappings, gidMappings }) => {
    if (!uidMappings?.length === !gidMappings?.length) return;
    const [absent, present] = uidMappings?.length ? ['gidMappings', 'uidMappings'] : ['uidMappings', 'gidMappings'];
    return new Fault(`.${absent}`, `missing: ${present} comes with it`);
  },
);

const namespace = object(
  {
    __proto__: null,
    type: word('a type of namespace', '', 'pid network mount ipc uts user cgroup time'),
    path: absolute,
  },
  ['type'],
);

const device = object<Device>(
  {
    __proto__: null,
    type: word('a type of device', '', 'c b u p'),
    path: absolute,
    major: uint32,
    minor: uint32,
    fileMode: uint32,
    uid: id,
    gid: id,
  },
  ['type', 'path'],
  ({ type, major, minor }): Problem => {
    if (type === 'p' || (major !== undefined && minor !== undefined)) return;
    return new Fault(major === undefined ? '.major' : '.minor', 'missing');
  },
);

const absolutes = list(absolute);

const linux = object(
  {
    __proto__: null,
    namespaces: list(namespace),
    uidMappings: mappings,
    gidMappings: mappings,
    timeOffsets: rare('timeOffsets'),
    devices: list(device),
    cgroupsPath: text,
    resources,
    // No empty part and no `..`: the name becomes a path below /proc/sys.
    sysctl: map(content, ...parameterName),
    seccomp,
    rootfsPropagation: word('a propagation', '', 'private shared slave unbindable rprivate rshared rslave runbindable'),
    maskedPaths: absolutes,
    readonlyPaths: absolutes,
    mountLabel: text,
    personality: rare('personality'),
    intelRdt: refused,
    memoryPolicy: refused,
    netDevices: refusedUnlessEmpty,
  },
  [],
);

/** Each field by itself; what they ask of each other is in rules.ts. */
export const document = object<Config>(
  {
    __proto__: null,
    ociVersion: matching(/^\d+\.\d+\.\d+([-+][\w.+-]+)?$/, 'a version such as "1.2.0"'),
    root: object({ __proto__: null, path: text, readonly: boolean }, ['path']),
    process,
    hostname: text,
    domainname: text,
    mounts: list(mount),
    hooks: object(
      {
        __proto__: null,
        prestart: hooks,
        createRuntime: hooks,
        createContainer: hooks,
        startContainer: hooks,
        poststart: hooks,
        poststop: hooks,
      },
      [],
    ),
    annotations: map(content),
    linux,
    vm: refused,
    windows: refused,
    solaris: refused,
    zos: refused,
    freebsd: refused,
  },
  ['ociVersion'],
);
