import { ProaError } from '#common/errors.ts';
import { joinBytes } from '#sys/bytes.ts';
import { EINVAL } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { F_SETPIPE_SZ, fcntl, read, sendfile, splice } from '#sys/raw/file.ts';
import { EPOLLIN, pollfd, ppoll } from '#sys/raw/wait.ts';
import type { Growth } from './growth.ts';

const STANDARD_INPUT = 0;
/** What a process may ask for without privilege: pipe(7), pipe-max-size. */
const PIPE_BYTES = 1 << 20;

export interface InputOptions {
  /** Default: standard input. */
  fd?: number | undefined;
  /** Of a file that is still written. */
  growth?: Growth | undefined;
}

/** A stream, standard input by default, until a signal comes. */
export class Input {
  readonly #fd: number;
  readonly #growth: Growth | undefined;
  /** How much of a growing file was read. */
  #at = 0;
  #isFile = false;
  /** Signals, what is said of the growth, and last the stream itself. */
  readonly #waited: Uint8Array;

  /** `signals` is a signalfd(2) of those that shall end this. */
  constructor(signals: OwnedFd, { fd = STANDARD_INPUT, growth }: InputOptions = {}) {
    this.#fd = fd;
    this.#growth = growth;
    const all = [signals.number, ...(growth ? [growth.fd] : []), fd];
    this.#waited = joinBytes(...all.map((one) => pollfd.pack({ fd: one, events: EPOLLIN })));
    // A larger pipe lets the writer work on while we write files. Not a pipe, or not allowed: as it is.
    fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
  }

  /** Some bytes; how many, 0 at the end. */
  read(into: Uint8Array): number {
    const room = this.#wait(into.length);
    const count = check(
      uninterrupted(() => read(this.#fd, into, room)),
      'read',
      'standard input',
    );
    this.#at += count;
    if (count === 0 && room > 0 && this.#growth)
      throw new ProaError('Standard input is shorter than was said', { kind: 'invalid' });
    return count;
  }

  /** Some bytes straight into a file, without a copy in between; how many, or -EINVAL where that cannot be done. */
  move(file: number, count: number): number {
    const room = this.#wait(count);
    if (!this.#isFile) {
      const moved = uninterrupted(() => splice(this.#fd, file, room, 0));
      if (moved !== -EINVAL) return this.#moved(check(moved, 'splice', 'standard input'));
      // splice(2) wants a pipe, sendfile(2) a file.
      this.#isFile = true;
    }
    const moved = uninterrupted(() => sendfile(file, this.#fd, room));
    return moved === -EINVAL ? moved : this.#moved(check(moved, 'sendfile', 'standard input'));
  }

  #moved(count: number): number {
    this.#at += count;
    return count;
  }

  /** Until there is something: how much of `wanted` may be read, 0 at the end of a file that has grown. */
  #wait(wanted: number): number {
    const growth = this.#growth;
    for (;;) {
      const there = growth ? growth.bytes - this.#at : wanted;
      const isAwaited = growth !== undefined && there === 0 && !growth.isWhole;
      // A file can always be read: one that has not grown is not asked.
      const count = this.#waited.length / pollfd.size - (isAwaited ? 1 : 0);
      check(
        uninterrupted(() => ppoll(this.#waited, count, null)),
        'ppoll',
        'standard input',
      );
      if (this.#isReady(0)) throw new ProaError('Ended by a signal', { kind: 'unavailable' });
      if (growth && this.#isReady(1)) growth.take();
      else if (!isAwaited) return Math.min(wanted, there);
    }
  }

  #isReady(which: number): boolean {
    return pollfd.get(this.#waited, 'revents', which * pollfd.size) !== 0;
  }
}
