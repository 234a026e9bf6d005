import type { Interest, Loop, Watch } from '#loop/loop.ts';
import { EAGAIN, ECONNRESET } from '#sys/errno.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { type OwnedFd, setNonblocking } from '#sys/fd.ts';
import { read, write } from '#sys/raw/file.ts';
import { connectInternet, connectUnix, endSending } from '#sys/sockets.ts';
import type { Address } from './address.ts';

/** Most answers are small; a read that fills the buffer makes the next one larger. */
const FIRST_BUFFER = 8192;
const LARGEST_BUFFER = 65536;

/** Opens a connection that does not block the loop. */
export function connect(loop: Loop, address: Address): Connection {
  const socket = address.kind === 'unix' ? connectUnix(address.path) : connectInternet(address);
  setNonblocking(socket);
  return new Connection(loop, socket);
}

/** A stream socket whose reads and writes are promises. */
export class Connection implements Disposable {
  readonly #loop: Loop;
  readonly #socket: OwnedFd;
  #buffer = new Uint8Array(FIRST_BUFFER);
  #filled = false;
  #unread: Uint8Array | undefined;
  #open = true;
  /** Who waits for the socket: woken when it is closed. */
  readonly #waiting = new Map<Watch, () => void>();

  constructor(loop: Loop, socket: OwnedFd) {
    this.#loop = loop;
    this.#socket = socket;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The next bytes, valid until the next read; undefined at the end, also of a connection that was closed here. */
  async read(): Promise<Uint8Array | undefined> {
    const unread = this.#unread;
    if (unread) {
      this.#unread = undefined;
      return unread;
    }
    if (this.#filled) this.#buffer = new Uint8Array(Math.min(this.#buffer.length * 2, LARGEST_BUFFER));
    this.#filled = false;
    const buffer = this.#buffer;
    for (;;) {
      if (!this.#open) return undefined;
      const count = uninterrupted(() => read(this.#socket.number, buffer, buffer.length));
      if (count === 0 || count === -ECONNRESET) return undefined;
      if (count !== -EAGAIN) {
        this.#filled = count === buffer.length && count < LARGEST_BUFFER;
        return buffer.subarray(0, check(count, 'read', 'connection'));
      }
      await this.#ready('readable');
    }
  }

  /** Whether it is open on both sides with nothing to read, as a connection between two exchanges is. */
  isIdle(): boolean {
    if (!this.#open || this.#unread) return false;
    return uninterrupted(() => read(this.#socket.number, this.#buffer, this.#buffer.length)) === -EAGAIN;
  }

  /** Bytes that the next read gives again. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#unread = bytes;
  }

  /** Resolves when the kernel has taken everything. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (!this.#open) throw new RangeError('the connection is closed');
      const now = rest;
      const count = uninterrupted(() => write(this.#socket.number, now, now.length));
      if (count === -EAGAIN) await this.#ready('writable');
      else rest = rest.subarray(check(count, 'write', 'connection'));
    }
  }

  #ready(interest: Interest): Promise<void> {
    return new Promise((resolve) => {
      const watch = this.#loop.watch(this.#socket.number, interest, () => {
        this.#waiting.delete(watch);
        watch[Symbol.dispose]();
        resolve();
      });
      this.#waiting.set(watch, resolve);
    });
  }

  /** Says that nothing more will come from here; the other side can go on. shutdown(2). */
  endWriting(): void {
    if (this.#open) endSending(this.#socket);
  }

  /** Closes it; who waits for bytes sees the end. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [watch] of waiting) watch[Symbol.dispose]();
    this.#socket.close();
    for (const [, wake] of waiting) wake();
  }
}
