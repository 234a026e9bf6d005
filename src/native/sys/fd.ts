import { check } from './errors.ts';
import * as raw from './raw/file.ts';
import { eventfd2 } from './raw/wait.ts';

/** A descriptor with one owner, who closes it: `using file = openFile(path)`. */
export class OwnedFd implements Disposable {
  readonly number: number;
  #open = true;

  constructor(number: number) {
    this.number = number;
  }

  /** Gives the descriptor away: whoever holds the number closes it from now on. */
  release(): number {
    this.#open = false;
    return this.number;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    // close(2), "Dealing with error returns": the descriptor is gone whatever the answer is.
    raw.close(this.number);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Things that one owner disposes of together. */
export class DisposableList implements Disposable {
  readonly #things: Disposable[] = [];

  add<T extends Disposable | undefined>(thing: T): T {
    if (thing) this.#things.push(thing);
    return thing;
  }

  [Symbol.dispose](): void {
    for (const thing of this.#things.splice(0).reverse()) thing[Symbol.dispose]();
  }
}

/** `result` as an owned descriptor, or what failed on which thing. */
export function owned(result: number, call: string, object?: string): OwnedFd {
  return new OwnedFd(check(result, call, object));
}

/** Two connected descriptors, close-on-exec: read end first. pipe(2). */
export function pipe(): [OwnedFd, OwnedFd] {
  const pair = new Uint8Array(8);
  check(raw.pipe2(pair, raw.O_CLOEXEC), 'pipe2');
  return pairOf(pair);
}

/** The two descriptors that pipe2(2) and socketpair(2) leave in an array of ints. */
export function pairOf(pair: Uint8Array): [OwnedFd, OwnedFd] {
  const view = new DataView(pair.buffer);
  return [new OwnedFd(view.getInt32(0, true)), new OwnedFd(view.getInt32(4, true))];
}

/** Reads and writes answer EAGAIN where they would wait. */
export function setNonblocking(fd: OwnedFd): void {
  const flags = check(raw.fcntl(fd.number, raw.F_GETFL, 0), 'fcntl', 'F_GETFL');
  check(raw.fcntl(fd.number, raw.F_SETFL, flags | raw.O_NONBLOCK), 'fcntl', 'F_SETFL');
}

/** Closes every descriptor but the standard streams and these: for a process that was just cloned. close_range(2). */
export function closeAllBut(kept: readonly number[]): void {
  let first = 3;
  for (const fd of [...kept].sort((a, b) => a - b)) {
    if (fd > first) check(raw.close_range(first, fd - 1, 0), 'close_range');
    if (fd >= first) first = fd + 1;
  }
  check(raw.close_range(first, 0xffffffff, 0), 'close_range');
}

const EFD_CLOEXEC = 0o2000000;

/** A counter that the kernel raises and a read takes. eventfd(2). */
export function openEventCounter(): OwnedFd {
  return owned(eventfd2(0, EFD_CLOEXEC), 'eventfd2');
}

/**
 * Opens /dev/null in place of standard streams that the caller closed: what is opened next would take their numbers,
 * and a container would read or write it as its own.
 */
export function openStandardStreams(): void {
  for (let fd = 0; fd <= 2; fd++) {
    if (raw.fcntl(fd, raw.F_GETFD, 0) < 0)
      check(raw.openat(raw.AT_FDCWD, '/dev/null', raw.O_RDWR, 0), 'openat', '/dev/null');
  }
}

/** Keeps a descriptor open across execve, or no longer. */
export function setCloseOnExec(fd: number, on: boolean): void {
  check(raw.fcntl(fd, raw.F_SETFD, on ? raw.FD_CLOEXEC : 0), 'fcntl', `fd ${fd}`);
}
