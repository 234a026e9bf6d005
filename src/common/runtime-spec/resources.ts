// `linux.resources` of config.json, and what `update --resources` reads: config-linux.md, "Control groups".
import {
  boolean,
  content,
  int64,
  integer,
  list,
  map,
  matching,
  object,
  text,
  uint16,
  uint64,
  word,
} from '../check/check.ts';
import { rare } from './late.ts';

const rule = object(
  {
    __proto__: null,
    allow: boolean,
    type: word('a type of device', '', 'a b c'),
    major: integer(-1, 0xffffffff),
    minor: integer(-1, 0xffffffff),
    access: matching(/^[rwm]+$/, 'some of "rwm"'),
  },
  ['allow'],
);

const memory = object(
  {
    __proto__: null,
    limit: int64,
    reservation: int64,
    swap: int64,
    kernel: int64,
    kernelTCP: int64,
    swappiness: integer(0, 100),
    disableOOMKiller: boolean,
    useHierarchy: boolean,
    checkBeforeUpdate: boolean,
  },
  [],
);

const cpu = object(
  {
    __proto__: null,
    shares: uint64,
    quota: int64,
    burst: uint64,
    period: uint64,
    realtimeRuntime: int64,
    realtimePeriod: uint64,
    cpus: text,
    mems: text,
    idle: int64,
  },
  [],
);

const rates = rare('rates');

const blockIO = object(
  {
    __proto__: null,
    weight: uint16,
    leafWeight: uint16,
    weightDevice: rare('weights'),
    throttleReadBpsDevice: rates,
    throttleWriteBpsDevice: rates,
    throttleReadIOPSDevice: rates,
    throttleWriteIOPSDevice: rates,
  },
  [],
);

export const resources = object(
  {
    __proto__: null,
    devices: list(rule),
    memory,
    cpu,
    pids: object({ __proto__: null, limit: int64 }, []),
    blockIO,
    hugepageLimits: rare('hugepageLimits'),
    network: rare('network'),
    rdma: rare('rdma'),
    // The keys become file names in the container's control group.
    unified: map(content, /^[\w-]+\.[\w.-]+$/, 'a file name such as "memory.high"'),
  },
  [],
);
