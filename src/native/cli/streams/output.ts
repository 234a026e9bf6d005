import type { Loop } from '#loop/loop.ts';
import { EAGAIN } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { OwnedFd } from '#sys/fd.ts';
import { modeOf } from '#sys/file-status.ts';
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_WRONLY, openat, S_IFIFO, S_IFMT, write } from '#sys/raw/file.ts';

/** A stream of the caller's, such as standard output, that a slow reader does not make the whole program wait for. */
export class OutputStream implements Disposable {
  readonly #loop: Loop;
  readonly #fd: OwnedFd;

  constructor(loop: Loop, fd: number) {
    this.#loop = loop;
    this.#fd = openWaitless(fd) ?? new OwnedFd(fd);
    if (this.#fd.number === fd) this.#fd.release();
  }

  /** Resolves when everything has been taken. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const now = rest;
      const count = uninterrupted(() => write(this.#fd.number, now, now.length));
      if (count === -EAGAIN) await this.#loop.ready(this.#fd.number, 'writable');
      else rest = rest.subarray(check(count, 'write', 'standard output'));
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/**
 * A pipe opened anew: O_NONBLOCK on the descriptor that we were given would be everybody's who has the same one. Files and
 * terminals take what they are given, and sockets cannot be opened: they are written to as they are.
 */
function openWaitless(fd: number): OwnedFd | undefined {
  if ((modeOf(fd) & S_IFMT) !== S_IFIFO) return undefined;
  const opened = openat(AT_FDCWD, `/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
  return opened < 0 ? undefined : new OwnedFd(opened);
}
