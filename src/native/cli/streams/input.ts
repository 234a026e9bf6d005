import type { Loop, Watch } from '#loop/loop.ts';
import { EAGAIN, EIO, EPERM } from '#sys/errno.ts';
import { check, isErrno, uninterrupted } from '#sys/errors.ts';
import { read } from '#sys/raw/file.ts';

const BUFFER = 65536;

/** A stream of the caller's, such as standard input, read without holding up the loop. */
export class InputStream implements Disposable {
  readonly #loop: Loop;
  readonly #fd: number;
  #buffer: Uint8Array | undefined;
  #waiting: { watch: Watch; wake(): void } | undefined;
  #open = true;
  /** Files and /dev/null are always ready, and epoll refuses them: epoll_ctl(2), EPERM. */
  #alwaysReady = false;

  constructor(loop: Loop, fd: number) {
    this.#loop = loop;
    this.#fd = fd;
  }

  /** The next bytes, valid until the next read; undefined at the end, and when nobody wants more. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (!this.#alwaysReady) await this.#ready();
      if (!this.#open) return undefined;
      this.#buffer ??= new Uint8Array(BUFFER);
      const buffer = this.#buffer;
      const count = uninterrupted(() => read(this.#fd, buffer, buffer.length));
      // A terminal whose other side is gone answers EIO.
      if (count === 0 || count === -EIO) return undefined;
      if (count !== -EAGAIN) return buffer.subarray(0, check(count, 'read', 'standard input'));
    }
  }

  async #ready(): Promise<void> {
    try {
      await new Promise<void>((resolve) => {
        const watch = this.#loop.watch(this.#fd, 'readable', () => this.#wake());
        this.#waiting = { watch, wake: resolve };
      });
    } catch (error) {
      if (!isErrno(error, EPERM)) throw error;
      this.#alwaysReady = true;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.watch[Symbol.dispose]();
    waiting?.wake();
  }

  /** Reads no more; the descriptor stays the caller's. */
  [Symbol.dispose](): void {
    this.#open = false;
    this.#wake();
  }
}
