import { ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Process } from '#common/runtime-spec/types.ts';
import { step } from '#native/steps.ts';
import {
  capabilityMask,
  keepCapabilities,
  limitBoundingSet,
  setAmbientCapabilities,
  setCapabilities,
  setIdentity,
  setNoNewPrivileges,
} from '#sys/credentials.ts';
import { EACCES, EPERM } from '#sys/errno.ts';
import { check, SystemError } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { Execution, SIGKILL, setDumpable, setParentDeathSignal } from '#sys/processes.ts';
import * as raw from '#sys/raw/file.ts';
import type * as attributes from './attributes.ts';
import { homeOf } from './home.ts';
import { setOwnLimits } from './limits.ts';
import type { LoadableFilter } from './seccomp-filter.ts';
import type * as streams from './standard-streams.ts';

const attributesPart = lazy<typeof attributes>('process-attributes');

export interface ProgramSettings {
  /** The host's /proc, opened before the container's root hid it: the container's own may lie. Where it will be written to. */
  proc: OwnedFd | undefined;
  filter: LoadableFilter | undefined;
  /** Descriptors from 3 up that the program gets beside its standard streams. */
  preserveFds: number;
  /** Called for what could not be done but does not stop the start. */
  warn(text: string): void;
}

const CAP_SYS_ADMIN_BIT = 1 << 21;

/** A process that has everything of its program but the program: what is left to do cannot fail for lack of rights. */
export class PreparedProgram {
  readonly #execution: Execution;
  readonly #name: string;
  readonly #settings: ProgramSettings;

  constructor(process: Process, settings: ProgramSettings) {
    this.#settings = settings;
    this.#name = process.args[0] as string;
    takeIdentity(process, settings);
    const environment = environmentOf(process);
    const path = step(`find program "${this.#name}"`, () => findProgram(this.#name, environment));
    this.#execution = new Execution(path, process.args, environment);
  }

  /** Becomes the program. Returns only by throwing. */
  execute(): never {
    const { filter, preserveFds } = this.#settings;
    // Of those below, the caller's survived the start of the runtime, and so will do again; its own are close-on-exec,
    // also where one lies in a gap between the caller's.
    check(raw.close_range(3 + preserveFds, 0xffffffff, raw.CLOSE_RANGE_CLOEXEC), 'close_range');
    // seccomp(2) comes last: the filter may allow execve(2) alone, so nothing after it may call or allocate.
    filter?.load();
    const errno = this.#execution.execute();
    throw executionError(this.#name, errno);
  }
}

function takeIdentity(process: Process, settings: ProgramSettings): void {
  const { user, capabilities = {} } = process;
  if (hasAttributes(process)) {
    step('set process attributes', () => attributesPart().setAttributes(process, settings));
  }
  step('take identity and capabilities', () => {
    if (process.noNewPrivileges) setNoNewPrivileges();
    if (process.rlimits) setOwnLimits(process.rlimits, settings.warn);
    if (user.uid !== 0) lazy<typeof streams>('standard-streams')().ownStandardStreams(user);
    const early = raw.chdir(process.cwd);
    limitBoundingSet(capabilityMask(capabilities.bounding));
    keepCapabilities(true);
    setIdentity({ uid: user.uid, gid: user.gid, groups: user.additionalGids ?? [] });
    // prctl(2): so did it what others may see of this memory, which may be lent; by fs.suid_dumpable they may see it.
    setDumpable(false);
    keepCapabilities(false);
    // prctl(2): a change of credentials cleared it.
    setParentDeathSignal(SIGKILL);
    raw.umask(user.umask ?? 0o022);
    enterDirectory(process.cwd, early);
    const [effectiveLow, effectiveHigh] = capabilityMask(capabilities.effective);
    const [permittedLow, permittedHigh] = capabilityMask(capabilities.permitted);
    const ambient = capabilityMask(capabilities.ambient);
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, and is loaded last. Keeping it until execve(2) gives the
    // program nothing: that computes the new sets from bounding, inheritable and ambient alone. capabilities(7).
    const borrowed = settings.filter && !process.noNewPrivileges ? CAP_SYS_ADMIN_BIT : 0;
    setCapabilities(
      [(effectiveLow | borrowed) >>> 0, effectiveHigh],
      [(permittedLow | borrowed) >>> 0, permittedHigh],
      capabilityMask(capabilities.inheritable),
    );
    const refused = setAmbientCapabilities(ambient);
    if (refused.length > 0)
      settings.warn(`ambient capabilities not set, since they are not inheritable: ${refused.join(' ')}`);
  });
}

/** Of entries with one name the last counts, as in runc: with both, programs would read the first. */
function environmentOf({ env = [], user }: Process): string[] {
  const byName = new Map(env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  if ((byName.get('HOME') ?? 'HOME=') === 'HOME=') byName.set('HOME', `HOME=${homeOf(user.uid)}`);
  return [...byName.values()];
}

function hasAttributes(process: Process): boolean {
  const { scheduler, ioPriority, execCPUAffinity, apparmorProfile, selinuxLabel } = process;
  return Boolean(scheduler || ioPriority || execCPUAffinity || apparmorProfile || selinuxLabel);
}

/** The working directory must be inside the container: a leaked descriptor could stand for one outside (CVE-2024-21626). */
function enterDirectory(path: string, early: number): void {
  const result = early === 0 ? 0 : raw.chdir(path);
  check(result, 'chdir', path);
  const buffer = new Uint8Array(4096);
  const length = check(raw.getcwd(buffer), 'getcwd', path);
  if (buffer[0] === 0x2f && length > 0) return;
  throw new ProaError(`working directory "${path}" is outside the container's root filesystem`, { kind: 'denied' });
}

const AT_EACCESS = 0x200;
const X_OK = 1;

/** Where `name` is, searched as execvp(3) does. The words of the errors are what engines tell 126 from 127 by. */
function findProgram(name: string, environment: readonly string[]): string {
  if (name.includes('/')) {
    const result = executable(name);
    if (result !== 0) throw executionError(name, -result);
    return name;
  }
  const path = environment.find((entry) => entry.startsWith('PATH='))?.slice(5) ?? '';
  let denied = false;
  for (const directory of path.split(':')) {
    const candidate = `${directory || '.'}/${name}`;
    const result = executable(candidate);
    if (result === 0) return candidate;
    if (result === -EACCES) denied = true;
  }
  throw denied
    ? executionError(name, EACCES)
    : new ProaError(`exec: "${name}": executable file not found in $PATH`, { kind: 'not-found' });
}

const EISDIR = 21;

/** 0 for a regular file that may be executed, else -errno. */
function executable(path: string): number {
  const buffer = new Uint8Array(raw.statxLayout.size);
  const result = raw.statx(raw.AT_FDCWD, path, 0, 1, buffer);
  if (result < 0) return result;
  if ((raw.statxLayout.get(buffer, 'mode') & raw.S_IFMT) === raw.S_IFDIR) return -EISDIR;
  return raw.faccessat2(raw.AT_FDCWD, path, X_OK, AT_EACCESS);
}

function executionError(name: string, errno: number): ProaError {
  const cause = new SystemError('execve', errno, name);
  const remedies: Record<number, string> = {
    [8]: 'The file is neither a program of this machine nor a script that begins with #!',
    [EPERM]: 'The filesystem may be mounted noexec, or a security module forbids it',
  };
  const remedy = remedies[errno];
  return new ProaError(`exec: "${name}"`, { kind: cause.kind, remedy, cause });
}
