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
  /** child: its root filesystem is built, but not entered */
  built: 'B',
  /** runtime: what it had to do then is done */
  goOn: 'C',
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

  tell(message: Message, text = ''): void {
    sendMessage(this.socket, utf8(message + text));
  }

  fail(error: unknown): void {
    this.tell(messages.failed, JSON.stringify(failureMessage(error)));
  }

  /** The next message, which must be `expected`; undefined when the other side closed. Failures are thrown. */
  next(expected: Message): true | undefined {
    for (;;) {
      const received = receiveMessage(this.socket);
      if (received === undefined) return undefined;
      const text = textOf(received.data);
      const kind = text[0] as Message;
      if (kind === expected) return true;
      if (kind === messages.failed) throw new RemoteFailure(JSON.parse(text.slice(1)) as FailureMessage);
      if (kind !== messages.warned && kind !== messages.explained) throw new TypeError(`unexpected message ${text}`);
      this.#onNote(kind, text.slice(1));
    }
  }

  /** Waits for a message that must come. */
  await(expected: Message): void {
    if (!this.next(expected)) throw new SilentEnd(`waiting for ${expected}`);
  }
}
