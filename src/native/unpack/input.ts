import { ProaError } from '#common/errors.ts';
import { EINVAL } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { F_SETPIPE_SZ, fcntl, read, sendfile, splice } from '#sys/raw/file.ts';
import { EPOLLIN, pollfd, ppoll } from '#sys/raw/wait.ts';

const STANDARD_INPUT = 0;
/** What a process may ask for without privilege: pipe(7), pipe-max-size. */
const PIPE_BYTES = 1 << 20;

/** A stream, standard input by default, until a signal comes. */
export class Input {
  readonly #fd: number;
  #isFile = false;
  readonly #waited = new Uint8Array(2 * pollfd.size);

  /** `signals` is a signalfd(2) of those that shall end this. */
  constructor(signals: OwnedFd, fd = STANDARD_INPUT) {
    this.#fd = fd;
    this.#waited.set(pollfd.pack({ fd, events: EPOLLIN }));
    this.#waited.set(pollfd.pack({ fd: signals.number, events: EPOLLIN }), pollfd.size);
    // A larger pipe lets the writer work on while we write files. Not a pipe, or not allowed: as it is.
    fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
  }

  /** Some bytes; how many, 0 at the end. */
  read(into: Uint8Array): number {
    this.#wait();
    return check(
      uninterrupted(() => read(this.#fd, into, into.length)),
      'read',
      'standard input',
    );
  }

  /** Some bytes straight into a file, without a copy in between; how many, or -EINVAL where that cannot be done. */
  move(file: number, count: number): number {
    this.#wait();
    if (!this.#isFile) {
      const moved = uninterrupted(() => splice(this.#fd, file, count, 0));
      if (moved !== -EINVAL) return check(moved, 'splice', 'standard input');
      // splice(2) wants a pipe, sendfile(2) a file.
      this.#isFile = true;
    }
    const moved = uninterrupted(() => sendfile(file, this.#fd, count));
    return moved === -EINVAL ? moved : check(moved, 'sendfile', 'standard input');
  }

  #wait(): void {
    check(
      uninterrupted(() => ppoll(this.#waited, 2, null)),
      'ppoll',
      'standard input',
    );
    if (pollfd.get(this.#waited, 'revents', pollfd.size) !== 0)
      throw new ProaError('Ended by a signal', { kind: 'unavailable' });
  }
}
