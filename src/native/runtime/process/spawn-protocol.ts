import { type FailureMessage, failureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { ECONNRESET, EPIPE } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { receiveMessage, sendMessage } from '#sys/sockets.ts';

/**
 * What runtime and container process tell each other during a start, one byte a message over a socket pair; `failed`
 * carries a FailureMessage as JSON after it, `warned` a text. The end of the socket without a message means that the
 * other side is gone, or, for the runtime, that the container's own program runs.
 */
export const messages = {
  /** runtime: ids are mapped */
  mapped: 'M',
  /** runtime: the cgroups are made; with it come the ways into them, and as text how many of those are for late */
  cgroups: 'C',
  /** child: its root filesystem is built, but not entered */
  built: 'B',
  /** runtime: what it had to do then is done */
  goOn: 'H',
  /** runtime: the compiled seccomp filter: its flags in four bytes, then its instructions */
  filter: 'S',
  /** child: ready to execute */
  prepared: 'P',
  /** runtime: the container is recorded */
  recorded: 'G',
  /** child: does not depend on the runtime any more */
  detached: 'D',
  failed: 'F',
  warned: 'W',
  /** child: a part of the tree of `--explain` */
  explained: 'X',
} as const;

type Message = (typeof messages)[keyof typeof messages];

/** The other side ended before it said what was expected. */
export class SilentEnd extends Error {}

export class Line {
  readonly socket: OwnedFd;
  readonly #onNote: (kind: Message, text: string) => void;

  constructor(socket: OwnedFd, onNote: (kind: Message, text: string) => void = () => {}) {
    this.socket = socket;
    this.#onNote = onNote;
  }

  /** The runtime's end, which hears warnings and pieces of the explanation beside what it waits for. */
  static ofRuntime(
    socket: OwnedFd,
    { warn, explanation }: { warn(text: string): void; explanation?: { add(text: string): void } | undefined },
  ): Line {
    return new Line(socket, (kind, text) => {
      if (kind === messages.warned) warn(text);
      else explanation?.add(text);
    });
  }

  tell(message: Message, text = '', fds: readonly number[] = []): void {
    this.#send(utf8(message + text), fds);
  }

  /** A side that is gone has usually said why: that is worth more than EPIPE. */
  #send(bytes: Uint8Array, fds: readonly number[] = []): void {
    try {
      sendMessage(this.socket, bytes, fds);
    } catch (error) {
      if (!isErrno(error, EPIPE, ECONNRESET)) throw error;
      for (let received = receiveMessage(this.socket); received; received = receiveMessage(this.socket)) {
        if (kindOf(received.data) === messages.failed) throw failureIn(received.data);
      }
      throw new SilentEnd('while telling');
    }
  }

  tellBytes(message: Message, body: Uint8Array): void {
    const bytes = new Uint8Array(body.length + 1);
    bytes[0] = message.charCodeAt(0);
    bytes.set(body, 1);
    this.#send(bytes);
  }

  fail(error: unknown): void {
    this.tell(messages.failed, JSON.stringify(failureMessage(error)));
  }

  /** The next message, which must be `expected`; undefined when the other side closed. Failures are thrown. */
  next(expected: Message): Told | undefined {
    for (;;) {
      const received = receiveMessage(this.socket);
      if (received === undefined) return undefined;
      const kind = kindOf(received.data);
      if (kind === expected) return { body: received.data.subarray(1), fds: received.fds };
      if (kind === messages.failed) throw failureIn(received.data);
      if (kind !== messages.warned && kind !== messages.explained) throw new TypeError(`unexpected message ${kind}`);
      this.#onNote(kind, textOf(received.data.subarray(1)));
    }
  }

  /** Waits for a message that must come. */
  await(expected: Message): Told {
    const told = this.next(expected);
    if (!told) throw new SilentEnd(`waiting for ${expected}`);
    return told;
  }
}

function kindOf(data: Uint8Array): Message {
  return String.fromCharCode(data[0] as number) as Message;
}

function failureIn(data: Uint8Array): RemoteFailure {
  return new RemoteFailure(JSON.parse(textOf(data.subarray(1))) as FailureMessage);
}

export interface Told {
  /** What follows the message's letter. */
  body: Uint8Array;
  fds: OwnedFd[];
}
