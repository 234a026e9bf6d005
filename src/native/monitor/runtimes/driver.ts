import type { ContainerRequest } from '#common/protocol/container.ts';
import type { Process } from '#common/runtime-spec/types.ts';
import type { ExecBeginning } from '#runtime/begin-exec.ts';
import type { Beginning } from '#runtime/start.ts';
import type { ContainerRecord } from '#runtime/state/store.ts';
import type { OwnedFd } from '#sys/fd.ts';
import type { Streams } from '../streams.ts';
import { ForeignRuntime } from './foreign.ts';
import { OwnRuntime } from './own.ts';

/** A process as it is, or the container's own with other arguments. */
export type ExecProcess = Process | { like: 'container'; args: string[] };

/** A process that was started, on its way to the monitor, whose child it is. */
export interface Started {
  pid: number;
  /** Missing when it has ended already. */
  pidfd: OwnedFd | undefined;
  /** The master side of its terminal, where it has one. */
  terminal: OwnedFd | undefined;
}

/** A container that was made. */
export interface Created extends Started {
  record: ContainerRecord;
  /** Nothing follows the start of its program that could last: `begin` will do. */
  beginsAlone?: boolean;
  /** Further processes can be begun: `beginExec`. */
  beginsExecs?: boolean;
  /** What is left to do when whoever waits has been told. */
  settle?: (() => void) | undefined;
}

/**
 * What our own runtime, in this process, and others, by their command line, do differently. A driver works in helpers of
 * a monitor, so it may wait; everything else (signals, freezing, limits, figures) goes by process handle and cgroup.
 */
export interface RuntimeDriver {
  /** Whether nothing of others runs while it is made: the monitor may stand still so long. */
  makesQuickly(): boolean;
  /**
   * Makes the container; with `start` its program runs. A failure leaves nothing of it. `helping`: in a helper, whose
   * parent gets the process as its child.
   */
  create(streams: Streams, options: { start: boolean; helping: boolean }): Created;
  /** Lets a created container run its program. */
  start(record: ContainerRecord): void;
  /**
   * The same from the monitor itself, without waiting: when the socket is readable, `finish` says how it went. Undefined
   * where that is not possible now.
   */
  begin?(record: ContainerRecord): Beginning | undefined;
  /** Runs a further process. `target` is the container's first. */
  exec(process: ExecProcess, record: ContainerRecord, target: OwnedFd, streams: Streams): Started;
  /** The same from the monitor itself, without waiting; undefined where that is not possible for this process. */
  beginExec?(
    process: ExecProcess,
    record: ContainerRecord,
    target: OwnedFd,
    streams: Streams,
  ): ExecBeginning | undefined;
  /** Writes the container's processes to files; they end unless `leaveRunning`. criu(8). */
  checkpoint(id: string, directory: string, options: { leaveRunning: boolean }): void;
  /** Ends what runs of the container, and unmakes it, as far as it is there. */
  destroy(id: string): void;
  /** The same from the monitor itself, of a container that has ended, where it cannot last. Whether it was done. */
  destroyAtOnce?(record: ContainerRecord): boolean;
}

export interface DriverPlaces {
  /** Where our runtime records containers. */
  root: string;
  /** The container's directory, for what is handed to other programs. */
  directory: string;
  /** The copy of our binary that containers see. */
  init: string;
}

export function driverFor(request: ContainerRequest, places: DriverPlaces): RuntimeDriver {
  return request.runtime ? new ForeignRuntime(request, request.runtime, places) : new OwnRuntime(request, places);
}
