// What an engine asks an agent for, and what is recorded of it. Fields are only added: monitors outlive versions.

import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { hooks } from '../runtime-spec/hooks.ts';
import { resources } from '../runtime-spec/resources.ts';
import type { Hook, Resources } from '../runtime-spec/types.ts';
import type { FailureMessage } from './failure.ts';

/** Each side says its own first; a monitor serves every version up to its own. */
export const PROTOCOL_VERSION = 4;
/** Since then an agent keeps the connection of a `create`, and a monitor can make its container late. */
export const LATE_SINCE = 2;
/** Since then a start waits for those who will attach, and the asker names a further process: all is asked in one go. */
export const ATTACHED_SINCE = 3;
/** Since then a signal tells which restart policies take it for a stop. */
export const STOPPING_SIGNALS_SINCE = 4;

export interface LogSettings {
  format: 'json-file' | 'cri' | 'none';
  path: string;
  /** Bytes after which the file is rotated; 0: never. */
  maximumBytes: number;
  /** How many files are kept, the current one among them. */
  files: number;
  compress: boolean;
}

export type RestartPolicy = 'no' | 'on-failure' | 'always' | 'unless-stopped' | 'on-unhealthy';

export interface RestartSettings {
  policy: RestartPolicy;
  /** How often at most, for `on-failure` and `on-unhealthy`; 0: without limit. */
  maximumRetries?: number;
}

/** Times in milliseconds. Docker CLI reference, "docker run", --health-*. */
export interface HealthSettings {
  args: string[];
  interval: number;
  timeout: number;
  /** Failures in a row that make the container unhealthy. */
  retries: number;
  /** After a start, failures do not count for this long. */
  startPeriod: number;
  /** Time between two checks while that lasts. */
  startInterval: number;
}

/** A root filesystem of layers: Documentation/filesystems/overlayfs.rst. */
export interface OverlaySettings {
  /** From the top down. */
  lower: string[];
  upper?: string;
  work?: string;
  /** What is written to it goes with the container: no disk waits for that, also where a program asks for it. Linux 5.10. */
  volatile?: boolean;
}

export interface ContainerRequest {
  id: string;
  /** Absolute path of the OCI bundle. */
  bundle: string;
  /** The program runs at once; without it, the container waits for `start`. */
  start: boolean;
  /** Without `start`: it is made when it is started, in one step. Version 2. */
  late?: boolean;
  /** `none`: the null device; `once`: closed when the first client that sends input has ended; `open`: stays open. */
  stdin: 'none' | 'once' | 'open';
  log: LogSettings;
  restart?: RestartSettings;
  health?: HealthSettings;
  stop?: { signal?: number; graceSeconds?: number };
  overlay?: OverlaySettings;
  /** proa-init is the first program, and starts the container's own. */
  init?: boolean;
  /** In place of the configuration's, as they were changed later. */
  resources?: Resources;
  /** Another OCI runtime in place of ours, by its command line; `args` are options before the command. */
  runtime?: { path: string; args?: string[] };
  /**
   * Run after each end of the container, with its state on standard input. One that was cut short, with its monitor, is
   * run again: it has to bear that.
   */
  cleanUp?: Hook[];
  /** Nothing of the container is kept when it has ended for good. */
  removeOnExit?: boolean;
}

export interface ExitRecord {
  /** As a shell has it: 128 + n for signal n. */
  status: number;
  signal?: number;
  /** The kernel killed a process of the container for lack of memory. */
  outOfMemory: boolean;
  /** RFC 3339, with nanoseconds. */
  at: string;
  /** Why there is no true status: the monitor was lost, or the start failed. */
  failure?: FailureMessage;
}

export interface HealthStatus {
  status: 'starting' | 'healthy' | 'unhealthy';
  failures: number;
  /** The last five, oldest first. */
  checks: { start: string; end: string; status: number; output: string }[];
}

export type ContainerPhase = 'created' | 'running' | 'paused' | 'restarting' | 'exited';

/** What is known of a container, on disk and to whoever asks. */
export interface ContainerState {
  version: number;
  id: string;
  phase: ContainerPhase;
  /** Of its first process, while it has one. */
  pid?: number;
  startedAt?: string;
  exit?: ExitRecord;
  /** What its request wants done after its last end has been done. */
  cleaned?: boolean;
  restarts: number;
  /** Somebody stopped it, and its restart policy has to respect that. */
  stopped: boolean;
  /** Somebody sent it a signal that was no stop: of all policies, `unless-stopped` respects that, too. */
  signalled?: boolean;
  health?: HealthStatus;
  monitor: { pid: number; startTime: number };
  /** Where its processes are, while it has any: what is left of it can be ended though its runtime fails. */
  cgroup?: { version: 1 | 2; path: string; directories: Record<string, string> };
  /** Milliseconds that were waited before its last start by the restart policy. */
  lastDelay?: number;
}

export const overlaySettings = check.object(
  {
    __proto__: null,
    lower: check.list(check.absolute, 1),
    upper: check.absolute,
    work: check.absolute,
    volatile: check.boolean,
  },
  ['lower'],
);

const milliseconds = check.integer(1, 0x7fffffff);

/**
 * An id names directories, so it is not `.` or `..`, and leaves room in 255 bytes for what others put around it, such as
 * `ID-json.log.10.gz`. Other runtimes get it as a word of their command line: no `-` first.
 */
const ID = /^(?!-|\.{1,2}$)[\w+.-]{1,200}$/;

const fields: check.Fields = {
  __proto__: null,
  id: check.matching(ID, 'at most 200 letters, digits and characters _ + - ., not . or .. and no - first'),
  bundle: check.absolute,
  start: check.boolean,
  late: check.boolean,
  stdin: check.word('one', '', 'none once open'),
  log: check.object(
    {
      __proto__: null,
      format: check.word('a format', '', 'json-file cri none'),
      path: check.text,
      maximumBytes: check.integer(0, Number.MAX_SAFE_INTEGER),
      files: check.integer(1, 1000),
      compress: check.boolean,
    },
    ['format', 'maximumBytes', 'files', 'compress'],
  ),
  restart: check.object(
    {
      __proto__: null,
      policy: check.word('a policy', '', 'no on-failure always unless-stopped on-unhealthy'),
      maximumRetries: check.integer(0, 0x7fffffff),
    },
    ['policy'],
  ),
  health: check.object(
    {
      __proto__: null,
      args: check.someTexts,
      interval: milliseconds,
      timeout: milliseconds,
      retries: check.integer(1, 0x7fffffff),
      startPeriod: check.integer(0, 0x7fffffff),
      startInterval: milliseconds,
    },
    ['args', 'interval', 'timeout', 'retries', 'startPeriod', 'startInterval'],
  ),
  stop: check.object({ __proto__: null, signal: check.integer(1, 64), graceSeconds: check.integer(0, 0x1fffff) }, []),
  overlay: overlaySettings,
  runtime: check.object({ __proto__: null, path: check.absolute, args: check.texts }, ['path']),
  init: check.boolean,
  resources,
  cleanUp: hooks,
  removeOnExit: check.boolean,
};

const request = check.object(fields, ['id', 'bundle', 'start', 'stdin', 'log']);

/** A request that came from another process. Throws `invalid`, naming the field. */
export function containerRequest(value: unknown): ContainerRequest {
  return checked(request, 'container', value);
}
