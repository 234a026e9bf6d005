import { describe, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type { Config } from '#common/runtime-spec/types.ts';
import { ECONNREFUSED, ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { connectUnix, shortPath } from '#sys/sockets.ts';
import { killAll } from './cgroups/index.ts';
import type { Context } from './context.ts';
import { destroyContainer } from './destroy.ts';
import type * as hooks from './hooks.ts';
import { Line, messages } from './process/spawn-protocol.ts';
import { ociState } from './state/oci-state.ts';
import { type ContainerDirectory, type ContainerRecord, START_SOCKET } from './state/store.ts';

const SOCK_SEQPACKET = 5;

/** Tells a created container to run its program; returns when that runs, and throws when it cannot. */
export function startProcess(directory: ContainerDirectory): void {
  const { socket, finish } = beginProcess(directory);
  using _socket = socket;
  finish();
}

/** A container that was told to run its program. */
export interface Beginning {
  /** Readable when there is something to say. */
  socket: OwnedFd;
  /** Returns when the program runs, and throws when it cannot. */
  finish(): void;
}

export function beginProcess(directory: ContainerDirectory): Beginning {
  const line = new Line(connectStart(directory));
  try {
    line.tell(messages.recorded);
    directory.removeStartSocket();
  } catch (error) {
    line.socket.close();
    throw error;
  }
  // The line ends without a word when execve(2) has closed it.
  return { socket: line.socket, finish: () => line.next(messages.prepared) };
}

function connectStart(directory: ContainerDirectory): OwnedFd {
  try {
    return connectUnix(shortPath(directory.fd, START_SOCKET), SOCK_SEQPACKET);
  } catch (cause) {
    if (!isErrno(cause, ECONNREFUSED, ENOENT)) throw cause;
    throw new ProaError('cannot start a container that is not in state "created"', { kind: 'conflict', cause });
  }
}

/**
 * The program runs by now. A hook that fails ends it, and unmakes the container, since the start as a whole has failed:
 * runtime.md, "Lifecycle", step 9. Nobody may hold the container's lock.
 */
export function runPoststart(context: Context, record: ContainerRecord, containerHooks: Config['hooks']): void {
  const poststart = containerHooks?.poststart;
  if (!poststart) return;
  const state = JSON.stringify(ociState(record, 'running', record.pid as number));
  try {
    lazy<typeof hooks>('hooks')().runHooks('poststart', poststart, state, { directory: record.bundle });
  } catch (error) {
    try {
      killAll(record.cgroup);
      destroyContainer(context, record, { hooks: containerHooks });
    } catch (second) {
      context.warn(`clean-up failed too: ${describe(second)}`);
    }
    throw error;
  }
}
