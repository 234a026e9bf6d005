// `process` of config.json: config.md, "Process".
import {
  absolute,
  boolean,
  type Check,
  Fault,
  id,
  integer,
  list,
  object,
  type Problem,
  someTexts,
  text,
  texts,
  uint16,
  uint32,
  uint64,
  word,
} from '../check/check.ts';
import { rare } from './late.ts';
import type { Process, Rlimit, User } from './types.ts';

const user = object<User>({ __proto__: null, uid: id, gid: id, umask: uint32, additionalGids: list(id) }, [], setRoot);

// Callers in Go leave out what is zero.
function setRoot(user: Partial<User>): Problem {
  user.uid ??= 0;
  user.gid ??= 0;
  return undefined;
}

const consoleSize = object({ __proto__: null, height: uint16, width: uint16 }, ['height', 'width']);

// As runc, so that what would be lost or misread in the container is refused.
const variable: Check = (value) => {
  if (typeof value !== 'string' || value.indexOf('=') < 1) return 'NAME=VALUE';
  return value.includes('\0') ? 'a string without NUL' : undefined;
};

const capabilities = object(
  { __proto__: null, bounding: texts, effective: texts, inheritable: texts, permitted: texts, ambient: texts },
  [],
);

const rlimit = object<Rlimit>(
  {
    __proto__: null,
    type: word(
      'a resource limit',
      'RLIMIT_',
      'AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK',
    ),
    soft: uint64,
    hard: uint64,
  },
  ['type', 'soft', 'hard'],
  ({ soft, hard }) => (soft > hard ? new Fault('.soft', `expected at most hard (${hard}), got ${soft}`) : undefined),
);

/** Answers with `user` filled in. */
export const process = object<Process>(
  {
    __proto__: null,
    terminal: boolean,
    consoleSize,
    user,
    args: someTexts,
    env: list(variable),
    cwd: absolute,
    capabilities,
    rlimits: list(rlimit),
    noNewPrivileges: boolean,
    apparmorProfile: text,
    selinuxLabel: text,
    oomScoreAdj: integer(-1000, 1000),
    scheduler: rare('scheduler'),
    ioPriority: rare('ioPriority'),
    execCPUAffinity: rare('execCPUAffinity'),
  },
  ['cwd', 'args'],
  complete,
);

function complete(process: Process): Problem {
  process.user ??= { uid: 0, gid: 0 };
  const { rlimits } = process;
  if (rlimits === undefined) return;
  const seen = new Set<string>();
  for (const [index, { type }] of rlimits.entries()) {
    if (seen.has(type)) return new Fault(`.rlimits[${index}].type`, `${type} is there twice`);
    seen.add(type);
  }
}
