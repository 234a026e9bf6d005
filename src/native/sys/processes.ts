import { addressOf, stringArray, terminated, utf8 } from './bytes.ts';
import { ECHILD, ESRCH } from './errno.ts';
import { check, uninterrupted } from './errors.ts';
import { OwnedFd, owned } from './fd.ts';
import { exists, readTextIfAny } from './files.ts';
import { CopyRoom } from './memory.ts';
import { close_range } from './raw/file.ts';
import * as raw from './raw/process.ts';
import { EPOLLIN, pollfd, ppoll } from './raw/wait.ts';

export interface CloneOptions {
  /** CLONE_NEW* flags. */
  flags?: number;
  /** The cgroup v2 directory to be born in: clone3(2), CLONE_INTO_CGROUP. */
  cgroup?: OwnedFd | undefined;
}

export interface Child {
  pid: number;
  pidfd: OwnedFd;
}

/**
 * A copy of this process that runs `body` and ends; it never returns into the caller's code. A throw in it ends it
 * with status 1, so `body` reports failures itself. clone3(2).
 */
export function cloneProcess(options: CloneOptions, body: () => number): Child {
  const pidfd = new Uint8Array(4);
  const pid = copied(() => raw.clone3(argumentsOf(options, addressOf(pidfd))));
  if (pid === 0) runAndExit(body);
  check(pid, 'clone3');
  return { pid, pidfd: new OwnedFd(new DataView(pidfd.buffer).getInt32(0, true)) };
}

/**
 * As `cloneProcess`, without the price of a copy: this process stands still until `body` has executed a program or
 * ended, so nothing can be told to it meanwhile, and what it tells is read afterwards. vfork(2), made safe by putting
 * memory back as it was. Only where nobody who could trace the child is near it: its memory is ours.
 */
export function lendMemory(options: CloneOptions, body: () => number): Child {
  const args = argumentsOf(options);
  const pid = check(
    raw.lend(() => runAndExit(body), args),
    'clone3',
  );
  return { pid, pidfd: new OwnedFd(raw.cloneArgs.get(args, 'pidfd')) };
}

function argumentsOf({ flags = 0, cgroup }: CloneOptions, pidfd = 0): Uint8Array {
  return raw.cloneArgs.pack({
    pidfd,
    flags: BigInt(flags >>> 0) | BigInt(raw.CLONE_PIDFD) | (cgroup ? BigInt(raw.CLONE_INTO_CGROUP) : 0n),
    // clone(2): a child of one's own parent sends the signal that its cloner would send.
    exit_signal: flags & raw.CLONE_PARENT ? 0 : SIGCHLD,
    cgroup: cgroup?.number ?? 0,
  });
}

/** As `cloneProcess`, by its pid, where a container's seccomp profile may refuse clone3: Docker's does. clone(2). */
export function forkProcess(body: () => number): number {
  const pid = copied(() => raw.clone(SIGCHLD));
  if (pid === 0) runAndExit(body);
  return check(pid, 'clone');
}

/** Makes a call that copies this process. */
function copied(call: () => number): number {
  using room = new CopyRoom();
  const pid = call();
  if (pid === 0) room.keep();
  return pid;
}

function runAndExit(body: () => number): never {
  let status = 1;
  try {
    status = body();
  } finally {
    exitProcess(status);
  }
}

export function exitProcess(status: number): never {
  raw.exit_group(status);
  throw new RangeError('exit_group(2) returned');
}

export type ExitReason = { code: number; signal?: undefined } | { signal: number; code?: undefined };

const CLD_EXITED = 1;

/** Waits for a child and reaps it. waitid(2). */
export function waitForChild(child: { pid: number }): ExitReason {
  const info = new Uint8Array(raw.siginfo.size);
  const options = raw.WEXITED | raw.__WALL;
  check(
    uninterrupted(() => raw.waitid(raw.P_PID, child.pid, info, options)),
    'waitid',
    `pid ${child.pid}`,
  );
  return reasonOf(info);
}

/** As waitForChild, at once: undefined while it runs. */
export function pollChild(child: { pid: number }): ExitReason | undefined {
  const info = new Uint8Array(raw.siginfo.size);
  const options = raw.WEXITED | raw.WNOHANG | raw.__WALL;
  check(raw.waitid(raw.P_PID, child.pid, info, options), 'waitid', `pid ${child.pid}`);
  return raw.siginfo.get(info, 'pid') === 0 ? undefined : reasonOf(info);
}

/** Whether a child runs still; reaps it if not, where nobody else has. */
export function stillRuns({ pidfd }: { pidfd: OwnedFd }): boolean {
  const info = new Uint8Array(raw.siginfo.size);
  return (
    raw.waitid(raw.P_PIDFD, pidfd.number, info, raw.WEXITED | raw.WNOHANG) === 0 && raw.siginfo.get(info, 'pid') === 0
  );
}

/** How much this process lets others run first: 0 as ordinary ones do, 19 at the most; as far as it may. setpriority(2). */
export function setNice(nice: number): void {
  raw.setpriority(PRIO_PROCESS, 0, nice);
}

/** Closes all descriptors from 3 on but one. close_range(2). */
export function closeOthers(kept: OwnedFd): void {
  if (kept.number > 3) check(close_range(3, kept.number - 1, 0), 'close_range');
  check(close_range(kept.number + 1, 0xffffffff, 0), 'close_range');
}

const PRIO_PROCESS = 0;

function reasonOf(info: Uint8Array): ExitReason {
  const status = raw.siginfo.get(info, 'status');
  return raw.siginfo.get(info, 'code') === CLD_EXITED ? { code: status } : { signal: status };
}

/** The status that a shell would give: 128 + n for signal n. */
export function statusOfReason(reason: ExitReason): number {
  return reason.signal === undefined ? reason.code : 128 + reason.signal;
}

/** A handle on a process, or undefined when there is none. pidfd_open(2). */
export function openProcess(pid: number): OwnedFd | undefined {
  const fd = raw.pidfd_open(pid, 0);
  if (fd === -ESRCH) return undefined;
  return owned(fd, 'pidfd_open', `pid ${pid}`);
}

/** Waits until a process, whosever child it is, has ended. pidfd_open(2). */
export function waitForEnd(pidfd: OwnedFd): void {
  const fds = pollfd.pack({ fd: pidfd.number, events: EPOLLIN });
  check(
    uninterrupted(() => ppoll(fds, 1, null)),
    'ppoll',
    'pidfd',
  );
}

/** Whether the signal was delivered: false when the process has ended. pidfd_send_signal(2). */
export function signalProcess(pidfd: OwnedFd, signal: number): boolean {
  const result = raw.pidfd_send_signal(pidfd.number, signal);
  if (result === -ESRCH) return false;
  check(result, 'pidfd_send_signal', `signal ${signal}`);
  return true;
}

export interface ProcessFacts {
  /** R, S, D, Z, X … : proc_pid_stat(5), field 3. */
  state: string;
  parent: number;
  /** Clock ticks from boot to its start, field 22: tells a process from a later one with the same number. */
  startTime: number;
}

/** What /proc says of a process; undefined when there is none. */
export function processFacts(pid: number): ProcessFacts | undefined {
  let text: string | undefined;
  try {
    text = readTextIfAny(`/proc/${pid}/stat`);
  } catch (error) {
    if (exists(`/proc/${pid}`)) throw error;
  }
  if (text === undefined) return undefined;
  // The name in parentheses may hold anything, also parentheses and spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: Number(fields[19]) };
}

/** Everything that execve(2) needs, laid out beforehand: no call of `execute` allocates. */
export class Execution {
  readonly #path: Uint8Array;
  readonly #argv: ReturnType<typeof stringArray>;
  readonly #environment: ReturnType<typeof stringArray>;

  constructor(
    path: string | Uint8Array,
    argv: readonly (string | Uint8Array)[],
    environment: readonly (string | Uint8Array)[],
  ) {
    this.#path = terminated(path);
    this.#argv = stringArray(argv);
    this.#environment = stringArray(environment);
  }

  /** Replaces the program of this process; returns the error number when that fails. */
  execute(): number {
    return -raw.execve(this.#path, this.#argv.pointers, this.#environment.pointers);
  }
}

/** Puts this process into a process group of its own. setpgid(2). */
export function leadProcessGroup(): void {
  check(raw.setpgid(0, 0), 'setpgid');
}

export interface Reaped {
  pid: number;
  reason: ExitReason;
}

/** Takes away one child that has ended; undefined when none has. */
export function reapOne(): Reaped | undefined {
  const info = new Uint8Array(raw.siginfo.size);
  const result = raw.waitid(raw.P_ALL, 0, info, raw.WEXITED | raw.WNOHANG | raw.__WALL);
  if (result === -ECHILD) return undefined;
  check(result, 'waitid');
  const pid = raw.siginfo.get(info, 'pid');
  return pid === 0 ? undefined : { pid, reason: reasonOf(info) };
}

/** Sends a signal to a process or, when the number is negative, to a process group; the error number, or 0. kill(2). */
export function sendSignal(pid: number, signal: number): number {
  return -raw.kill(pid, signal);
}

export function ownPid(): number {
  return raw.getpid();
}

/** Whether orphans come to this process: as the first of its pid namespace, or as a subreaper. */
export function isReaper(): boolean {
  if (raw.getpid() === 1) return true;
  const answer = new Uint8Array(4);
  return raw.prctl(raw.PR_GET_CHILD_SUBREAPER, answer) === 0 && answer[0] === 1;
}

export const SIGCHLD = 17;
export const SIGKILL = 9;

/** Ends this process with `signal` when its parent ends; 0 disarms. Cleared by credential changes. prctl(2). */
export function setParentDeathSignal(signal: number): void {
  check(raw.prctl(raw.PR_SET_PDEATHSIG, signal), 'prctl', 'PR_SET_PDEATHSIG');
}

/** Whether others may trace this process or read its /proc files. prctl(2), PR_SET_DUMPABLE. */
export function setDumpable(on: boolean): void {
  check(raw.prctl(raw.PR_SET_DUMPABLE, on ? 1 : 0), 'prctl', 'PR_SET_DUMPABLE');
}

export function setProcessName(name: string): void {
  raw.prctl(raw.PR_SET_NAME, utf8(`${name.slice(0, 15)}\0`));
}

/** Reaps ended children but `except`: orphans that a subreaper was given. */
export function reapOrphans(except: number): void {
  const info = new Uint8Array(raw.siginfo.size);
  for (;;) {
    info.fill(0);
    if (raw.waitid(raw.P_ALL, 0, info, raw.WEXITED | raw.WNOHANG | raw.WNOWAIT) < 0) return;
    const pid = raw.siginfo.get(info, 'pid');
    if (pid === 0 || pid === except) return;
    raw.waitid(raw.P_PID, pid, info, raw.WEXITED | raw.WNOHANG);
  }
}

/** Orphans among the descendants become this process's children. prctl(2), PR_SET_CHILD_SUBREAPER. */
export function becomeSubreaper(): void {
  check(raw.prctl(raw.PR_SET_CHILD_SUBREAPER, 1), 'prctl', 'PR_SET_CHILD_SUBREAPER');
}
