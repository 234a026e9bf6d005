// config.json of the OCI runtime specification 1.3 as Linux runtimes read it, with the specification's own field
// names. These describe what validate.ts answers: nulls and empty optional strings are gone, and so are the sections
// of other platforms. What a field means stands in config.md, config-linux.md and runtime.md of the specification.
import type { Seccomp } from './seccomp-types.ts';

export type * from './seccomp-types.ts';

/** A 64-bit quantity: a number while that is exact (up to 2^53 - 1), a bigint beyond. */
export type Integer64 = number | bigint;

export interface Config {
  /** Version of the specification, such as `1.2.0`. */
  ociVersion: string;
  root?: Root;
  process?: Process;
  hostname?: string;
  domainname?: string;
  /** In the order in which they are made. */
  mounts?: Mount[];
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: Linux;
}

/** A config that a container can be created from. */
export interface RunnableConfig extends Config {
  root: Root;
  process: Process;
}

export interface Root {
  /** Absolute, or relative to the bundle. */
  path: string;
  readonly?: boolean;
}

export interface Mount {
  /** Absolute; a relative one (deprecated since 1.2) is meant from `/`. */
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  /** For idmapped mounts; given and absent together with `gidMappings`. */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export interface Process {
  terminal?: boolean;
  consoleSize?: ConsoleSize;
  /** Root when the document names none. */
  user: User;
  /** At least one. */
  args: string[];
  env?: string[];
  /** Absolute. */
  cwd: string;
  capabilities?: Capabilities;
  rlimits?: Rlimit[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  selinuxLabel?: string;
  /** -1000 to 1000. */
  oomScoreAdj?: number;
  scheduler?: Scheduler;
  ioPriority?: IoPriority;
  execCPUAffinity?: ExecCpuAffinity;
}

/** In characters, each below 65,536. */
export interface ConsoleSize {
  height: number;
  width: number;
}

export interface User {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
}

/** Names the kernel knows, such as `CAP_KILL`; unknown ones have been taken out with a warning. */
export interface Capabilities {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

export type RlimitType =
  | 'RLIMIT_AS'
  | 'RLIMIT_CORE'
  | 'RLIMIT_CPU'
  | 'RLIMIT_DATA'
  | 'RLIMIT_FSIZE'
  | 'RLIMIT_LOCKS'
  | 'RLIMIT_MEMLOCK'
  | 'RLIMIT_MSGQUEUE'
  | 'RLIMIT_NICE'
  | 'RLIMIT_NOFILE'
  | 'RLIMIT_NPROC'
  | 'RLIMIT_RSS'
  | 'RLIMIT_RTPRIO'
  | 'RLIMIT_RTTIME'
  | 'RLIMIT_SIGPENDING'
  | 'RLIMIT_STACK';

/** `soft` is at most `hard`; 2^64 - 1 means unlimited. */
export interface Rlimit {
  type: RlimitType;
  soft: Integer64;
  hard: Integer64;
}

export type SchedulerPolicy =
  | 'SCHED_OTHER'
  | 'SCHED_FIFO'
  | 'SCHED_RR'
  | 'SCHED_BATCH'
  | 'SCHED_ISO'
  | 'SCHED_IDLE'
  | 'SCHED_DEADLINE';

export type SchedulerFlag =
  | 'SCHED_FLAG_RESET_ON_FORK'
  | 'SCHED_FLAG_RECLAIM'
  | 'SCHED_FLAG_DL_OVERRUN'
  | 'SCHED_FLAG_KEEP_POLICY'
  | 'SCHED_FLAG_KEEP_PARAMS'
  | 'SCHED_FLAG_UTIL_CLAMP_MIN'
  | 'SCHED_FLAG_UTIL_CLAMP_MAX';

/** sched_setattr(2). */
export interface Scheduler {
  policy: SchedulerPolicy;
  /** -20 to 19; for SCHED_OTHER and SCHED_BATCH. */
  nice?: number;
  /** For SCHED_FIFO and SCHED_RR. */
  priority?: number;
  flags?: SchedulerFlag[];
  /** Nanoseconds, like the two below; for SCHED_DEADLINE. */
  runtime?: Integer64;
  deadline?: Integer64;
  period?: Integer64;
}

/** ioprio_set(2). */
export interface IoPriority {
  class: 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE';
  /** 0 (highest) to 7. */
  priority?: number;
}

/** Lists such as `0-3,7`, for `exec`: before and after the join of the container's cgroup. */
export interface ExecCpuAffinity {
  initial?: string;
  final?: string;
}

export interface Hooks {
  prestart?: Hook[];
  createRuntime?: Hook[];
  createContainer?: Hook[];
  startContainer?: Hook[];
  poststart?: Hook[];
  poststop?: Hook[];
}

export interface Hook {
  /** Absolute. */
  path: string;
  /** With argument 0. */
  args?: string[];
  env?: string[];
  /** Seconds, above 0. */
  timeout?: number;
}

export interface Linux {
  namespaces?: Namespace[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  timeOffsets?: { monotonic?: TimeOffset; boottime?: TimeOffset };
  devices?: Device[];
  cgroupsPath?: string;
  resources?: Resources;
  sysctl?: Record<string, string>;
  seccomp?: Seccomp;
  rootfsPropagation?: RootfsPropagation;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  personality?: Personality;
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time';

/** Made when it has no path, joined when it has; each type occurs at most once. */
export interface Namespace {
  type: NamespaceType;
  /** Absolute. */
  path?: string;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface TimeOffset {
  secs?: Integer64;
  /** Below 10^9. */
  nanosecs?: number;
}

/** The names without `r` are the specification's; runc takes the others too. */
export type RootfsPropagation =
  | 'private'
  | 'shared'
  | 'slave'
  | 'unbindable'
  | 'rprivate'
  | 'rshared'
  | 'rslave'
  | 'runbindable';

/** A device node to make. */
export interface Device {
  /** `u` is an unbuffered character device: `c` for the kernel. `p` is a FIFO. */
  type: 'c' | 'b' | 'u' | 'p';
  /** Absolute. */
  path: string;
  /** Present unless the type is `p`. */
  major?: number;
  minor?: number;
  /** May carry file type bits (podman writes them); they have no meaning. */
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface Personality {
  domain: 'LINUX' | 'LINUX32';
}

/** Limits of a control group; also what `update --resources` reads. */
export interface Resources {
  devices?: DeviceRule[];
  memory?: MemoryResources;
  cpu?: CpuResources;
  pids?: { limit?: Integer64 };
  blockIO?: BlockIoResources;
  hugepageLimits?: HugepageLimit[];
  network?: NetworkResources;
  rdma?: Record<string, RdmaLimit>;
  /** File name in cgroup v2 to its content. */
  unified?: Record<string, string>;
}

export interface DeviceRule {
  allow: boolean;
  /** All when absent. */
  type?: 'a' | 'b' | 'c';
  /** All when absent or -1. */
  major?: number;
  minor?: number;
  /** Some of `rwm`. */
  access?: string;
}

/** Bytes; -1 means no limit. */
export interface MemoryResources {
  limit?: Integer64;
  reservation?: Integer64;
  /** Memory and swap together. */
  swap?: Integer64;
  kernel?: Integer64;
  kernelTCP?: Integer64;
  /** 0 to 100. */
  swappiness?: number;
  disableOOMKiller?: boolean;
  useHierarchy?: boolean;
  checkBeforeUpdate?: boolean;
}

/** Times in microseconds; a quota of -1 means no limit. */
export interface CpuResources {
  shares?: Integer64;
  quota?: Integer64;
  burst?: Integer64;
  period?: Integer64;
  realtimeRuntime?: Integer64;
  realtimePeriod?: Integer64;
  /** A list such as `0-3,7`, like `mems`. */
  cpus?: string;
  mems?: string;
  idle?: Integer64;
}

export interface BlockIoResources {
  weight?: number;
  leafWeight?: number;
  weightDevice?: WeightDevice[];
  throttleReadBpsDevice?: ThrottleDevice[];
  throttleWriteBpsDevice?: ThrottleDevice[];
  throttleReadIOPSDevice?: ThrottleDevice[];
  throttleWriteIOPSDevice?: ThrottleDevice[];
}

export interface WeightDevice {
  major: number;
  minor: number;
  weight?: number;
  leafWeight?: number;
}

/** `rate` is in bytes or operations per second; 0 means no limit. */
export interface ThrottleDevice {
  major: number;
  minor: number;
  rate: Integer64;
}

export interface HugepageLimit {
  /** Such as `2MB`: powers of 1024. */
  pageSize: string;
  /** Bytes. */
  limit: Integer64;
}

export interface NetworkResources {
  classID?: number;
  priorities?: { name: string; priority: number }[];
}

export interface RdmaLimit {
  hcaHandles?: number;
  hcaObjects?: number;
}

/** The specification has the first four; `paused` is runc's and crun's addition. */
export type Status = 'creating' | 'created' | 'running' | 'stopped' | 'paused';

/** What `state` prints and hooks read from stdin: runtime.md, "State". */
export interface State {
  ociVersion: string;
  id: string;
  status: Status;
  /** Absent when there is no process. */
  pid?: number;
  /** Absolute. */
  bundle: string;
  annotations?: Record<string, string>;
}
