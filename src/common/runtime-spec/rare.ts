// Fields of config.json that few callers write: loaded when the first of them is met.
import {
  either,
  Fault,
  int64,
  integer,
  list,
  map,
  matching,
  object,
  type Problem,
  refusedUnlessEmpty,
  text,
  uint16,
  uint32,
  uint64,
  word,
} from '../check/check.ts';
import type { IoPriority, Scheduler } from './types.ts';

const int32 = integer(-0x80000000, 0x7fffffff);

const scheduler = object<Scheduler>(
  {
    __proto__: null,
    policy: word('a scheduling policy', 'SCHED_', 'OTHER FIFO RR BATCH ISO IDLE DEADLINE'),
    nice: int32,
    priority: int32,
    flags: list(
      word(
        'a scheduling flag',
        'SCHED_FLAG_',
        'RESET_ON_FORK RECLAIM DL_OVERRUN KEEP_POLICY KEEP_PARAMS UTIL_CLAMP_MIN UTIL_CLAMP_MAX',
      ),
    ),
    runtime: uint64,
    deadline: uint64,
    period: uint64,
  },
  ['policy'],
  fitsPolicy,
);

// The kernel would ignore these silently: sched_setattr(2).
function fitsPolicy(scheduler: Scheduler): Problem {
  const { policy, nice = 0, priority = 0 } = scheduler;
  if ((policy === 'SCHED_OTHER' || policy === 'SCHED_BATCH') && (nice < -20 || nice > 19)) {
    return new Fault('.nice', `expected an integer from -20 to 19, got ${nice}`);
  }
  if (priority !== 0 && policy !== 'SCHED_FIFO' && policy !== 'SCHED_RR') {
    return new Fault('.priority', `only SCHED_FIFO and SCHED_RR have priorities, got ${policy}`);
  }
  for (const name of ['runtime', 'deadline', 'period'] as const) {
    if (scheduler[name] && policy !== 'SCHED_DEADLINE') {
      return new Fault(`.${name}`, `belongs to SCHED_DEADLINE, got ${policy}`);
    }
  }
  return undefined;
}

const ioPriority = object<IoPriority>(
  {
    __proto__: null,
    class: word('an I/O priority class', 'IOPRIO_CLASS_', 'RT BE IDLE'),
    priority: integer(0, 7),
  },
  ['class'],
);

const cpuList = matching(/^[0-9, -]+$/, 'a list of processors such as "0-3,7"');

const number = ['major', 'minor'];
const weights = list(
  object(
    { __proto__: null, major: uint32, minor: uint32, weight: uint16, leafWeight: uint16 },
    number,
    either('weight', 'leafWeight'),
  ),
);
const rates = list(object({ __proto__: null, major: uint32, minor: uint32, rate: uint64 }, [...number, 'rate']));

const hugepageLimits = list(
  object({ __proto__: null, pageSize: matching(/^[1-9][0-9]*[KMG]B$/, 'a page size such as "2MB"'), limit: uint64 }, [
    'pageSize',
    'limit',
  ]),
);

const network = object(
  {
    __proto__: null,
    classID: uint32,
    priorities: list(object({ __proto__: null, name: text, priority: uint32 }, ['name', 'priority'])),
  },
  [],
);

const rdma = map(
  object({ __proto__: null, hcaHandles: uint32, hcaObjects: uint32 }, [], either('hcaHandles', 'hcaObjects')),
);

const timeOffset = object({ __proto__: null, secs: int64, nanosecs: integer(0, 999_999_999) }, []);

const timeOffsets = object({ __proto__: null, monotonic: timeOffset, boottime: timeOffset }, []);

const personality = object(
  { __proto__: null, domain: word('an execution domain', '', 'LINUX LINUX32'), flags: refusedUnlessEmpty },
  ['domain'],
);

const execCPUAffinity = object({ __proto__: null, initial: cpuList, final: cpuList }, []);

export const checks = {
  scheduler,
  ioPriority,
  execCPUAffinity,
  weights,
  rates,
  hugepageLimits,
  network,
  rdma,
  timeOffsets,
  personality,
};

export type RareChecks = typeof checks;
