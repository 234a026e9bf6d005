import type { RunnableConfig } from '#common/runtime-spec/types.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { exists, makeDirectory, openDirectory } from '#sys/files.ts';
import { type Child, cloneProcess } from '#sys/processes.ts';
import { fchmodat, read } from '#sys/raw/file.ts';
import { EPOLLIN, pollfd, ppoll, SOCK_DGRAM } from '#sys/raw/wait.ts';
import { bindUnix, connectUnix, sendMessage, shortPath } from '#sys/sockets.ts';

const DIRECTORY = 'notify';
const SOCKET = 'notify';
const MAXIMUM_MESSAGE = 4096;

/**
 * Lets a program find the socket through which it says that it is ready, as sd_notify(3) has it: a directory of the
 * container's record, mounted where the manager's socket is on the host, and the variable that names the socket there.
 */
export function offerNotifySocket(manager: string, container: OwnedFd, path: string, config: RunnableConfig): void {
  makeDirectory(DIRECTORY, 0o755, container.number);
  // Names of other kinds are no paths: abstract ones begin with @.
  const destination = manager.startsWith('/') ? manager : '/run/notify';
  config.mounts = [
    ...(config.mounts ?? []),
    {
      destination,
      type: 'bind',
      source: `${path}/${DIRECTORY}`,
      options: ['bind', 'nosuid', 'noexec', 'nodev', 'ro'],
    },
  ];
  const others = (config.process.env ?? []).filter((entry) => !entry.startsWith('NOTIFY_SOCKET='));
  config.process.env = [...others, `NOTIFY_SOCKET=${destination}/${SOCKET}`];
}

/** Passes what the program says on to the service manager. */
export class NotifyRelay implements Disposable {
  readonly #manager: string;
  readonly #socket: OwnedFd;

  private constructor(manager: string, socket: OwnedFd) {
    this.#manager = manager;
    this.#socket = socket;
  }

  /** Binds the socket; undefined for a container that was made without one. */
  static open(manager: string, container: OwnedFd): NotifyRelay | undefined {
    if (!exists(DIRECTORY, container.number)) return undefined;
    using directory = openDirectory(DIRECTORY, container.number);
    const socket = bindUnix(shortPath(directory, SOCKET), SOCK_DGRAM);
    // The program may be any user.
    check(fchmodat(directory.number, SOCKET, 0o777), 'fchmodat', SOCKET);
    return new NotifyRelay(manager, socket);
  }

  /** Passes messages on until the container ends; with `untilReady`, until the first that says READY=1. */
  relay(pid: number, pidfd: OwnedFd, { untilReady }: { untilReady: boolean }): void {
    const buffer = new Uint8Array(MAXIMUM_MESSAGE);
    const fds = new Uint8Array(pollfd.size * 2);
    for (;;) {
      fds.set(pollfd.pack({ fd: this.#socket.number, events: EPOLLIN }));
      fds.set(pollfd.pack({ fd: pidfd.number, events: EPOLLIN }), pollfd.size);
      check(
        uninterrupted(() => ppoll(fds, 2, null)),
        'ppoll',
        SOCKET,
      );
      if (pollfd.get(fds, 'revents') === 0) return;
      const length = check(
        uninterrupted(() => read(this.#socket.number, buffer, buffer.length)),
        'read',
        SOCKET,
      );
      if (this.#pass(textOf(buffer, length), pid) && untilReady) return;
    }
  }

  /** In a process of its own, while the runtime does something else. */
  relayBeside(child: Child): void {
    const relay = cloneProcess({}, () => {
      this.relay(child.pid, child.pidfd, { untilReady: false });
      return 0;
    });
    relay.pidfd.close();
  }

  /** Whether the message says that the service is ready; then the manager also learns which process that is. */
  #pass(message: string, pid: number): boolean {
    // A process number of the container's namespace means nothing outside, or another process.
    const lines = message.split('\n').filter((line) => line !== '' && !line.startsWith('MAINPID='));
    const ready = lines.includes('READY=1');
    using manager = connectUnix(this.#manager.replace(/^@/, '\0'), SOCK_DGRAM);
    if (lines.length > 0) sendMessage(manager, utf8(lines.join('\n')));
    if (ready) sendMessage(manager, utf8(`MAINPID=${pid}`));
    return ready;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
