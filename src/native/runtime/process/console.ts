import { ProaError } from '#common/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { connectUnix, receiveMessage, socketPair } from '#sys/sockets.ts';

/** The socket of whoever wants the master side of the container's terminal. */
export function connectConsole(path: string): OwnedFd {
  try {
    return connectUnix(path);
  } catch (cause) {
    throw new ProaError(`cannot connect to console socket "${path}"`, { kind: 'invalid', cause });
  }
}

/** For a runtime that keeps the terminal itself: the end to give away, and what waits for the master side. */
export function ownConsole(): { give: OwnedFd; receive(): OwnedFd } {
  const [ours, theirs] = socketPair();
  return {
    give: theirs,
    receive() {
      using socket = ours;
      const master = receiveMessage(socket)?.fds[0];
      if (!master) throw new ProaError('the container process sent no terminal', { kind: 'internal' });
      return master;
    },
  };
}
