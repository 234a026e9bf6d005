import { type FailureMessage, failureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
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

  tell(message: Message, text = '', fds: readonly number[] = []): void {
    sendMessage(this.socket, utf8(message + text), fds);
  }

  tellBytes(message: Message, body: Uint8Array): void {
    const bytes = new Uint8Array(body.length + 1);
    bytes[0] = message.charCodeAt(0);
    bytes.set(body, 1);
    sendMessage(this.socket, bytes);
  }

  fail(error: unknown): void {
    this.tell(messages.failed, JSON.stringify(failureMessage(error)));
  }

  /** The next message, which must be `expected`; undefined when the other side closed. Failures are thrown. */
  next(expected: Message): Told | undefined {
    for (;;) {
      const received = receiveMessage(this.socket);
      if (received === undefined) return undefined;
      const kind = String.fromCharCode(received.data[0] as number) as Message;
      const body = received.data.subarray(1);
      if (kind === expected) return { body, fds: received.fds };
      const text = textOf(body);
      if (kind === messages.failed) throw new RemoteFailure(JSON.parse(text) as FailureMessage);
      if (kind !== messages.warned && kind !== messages.explained) throw new TypeError(`unexpected message ${kind}`);
      this.#onNote(kind, text);
    }
  }

  /** Waits for a message that must come. */
  await(expected: Message): Told {
    const told = this.next(expected);
    if (!told) throw new SilentEnd(`waiting for ${expected}`);
    return told;
  }
}

export interface Told {
  /** What follows the message's letter. */
  body: Uint8Array;
  fds: OwnedFd[];
}
