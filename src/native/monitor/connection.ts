import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { PROTOCOL_VERSION } from '#common/protocol/container.ts';
import { failureMessage } from '#common/protocol/failure.ts';
import { FrameReader, frameOf } from '#common/protocol/frames.ts';
import { type Question, readQuestion } from '#common/protocol/monitor.ts';
import type { Loop, Watch } from '#loop/loop.ts';
import { Output } from '#loop/output.ts';
import { textOf, utf8 } from '#sys/bytes.ts';
import { EAGAIN } from '#sys/errno.ts';
import { uninterrupted } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { read } from '#sys/raw/file.ts';
import { endSending } from '#sys/sockets.ts';

/** Bytes of answers that may wait for a slow asker. */
const LIMIT = 4 << 20;

/** After these the connection carries bytes, which may follow at once: they are not read as messages. */
const streaming: readonly string[] = ['attach', 'exec-attach'];

/** Becomes the answer; or takes the connection over once it has been given, for a stream of bytes. */
export type Reply = { answer: unknown } | { takeOver(connection: OwnedFd, early: Uint8Array): void };

export interface ConnectionEvents {
  ask(question: Question, connection: Connection): Reply | Promise<Reply>;
  closed(connection: Connection): void;
}

/** One asker on the control socket. What it sends wrong is answered, and ends at most its own connection. */
export class Connection {
  readonly #loop: Loop;
  readonly #fd: OwnedFd;
  readonly #events: ConnectionEvents;
  readonly #frames: FrameReader;
  readonly #output: Output;
  #watch: Watch | undefined;
  #greeted: boolean;
  #open = true;
  #mayStream = false;
  /** Nothing is said or heard any more: the other side is to read, and to close. */
  #leaving = false;
  /** Undone when the connection ends. */
  readonly #owned: Disposable[] = [];

  /** `frames`: of somebody who has been greeted elsewhere. */
  constructor(loop: Loop, fd: OwnedFd, events: ConnectionEvents, frames?: FrameReader) {
    this.#frames = frames ?? new FrameReader();
    this.#greeted = frames !== undefined;
    this.#fd = fd;
    this.#events = events;
    this.#output = new Output(loop, fd, { limit: LIMIT, broken: () => this.close() });
    this.#loop = loop;
    this.#listen();
    this.#serve();
  }

  #listen(): void {
    this.#watch = this.#loop.watch(this.#fd.number, 'readable', () => this.#receive());
  }

  own(thing: Disposable): void {
    if (this.#open) this.#owned.push(thing);
    else thing[Symbol.dispose]();
  }

  send(message: unknown): void {
    if (this.#open && !this.#leaving) this.#output.write(frameOf(utf8(stringifyJson(message))));
  }

  /** Calls back when everything has been sent. */
  whenSent(done: () => void): void {
    if (this.#open) this.#output.whenEmpty(done);
    else done();
  }

  /**
   * Sends what waits, and calls back when the other side has read that and closed: closed on ours, with something unread of
   * theirs, it would be told of an error instead. unix(7).
   */
  hangUp(done: () => void): void {
    this.own({ [Symbol.dispose]: done });
    this.whenSent(() => {
      if (!this.#open) return;
      this.#leaving = true;
      endSending(this.#fd);
      if (!this.#watch) this.#listen();
    });
  }

  #receive(): void {
    const buffer = new Uint8Array(16384);
    const count = uninterrupted(() => read(this.#fd.number, buffer, buffer.length));
    if (count === -EAGAIN) return;
    if (count <= 0) {
      this.close();
      return;
    }
    if (this.#leaving) return;
    this.#frames.push(buffer.subarray(0, count));
    this.#serve();
  }

  #serve(): void {
    try {
      while (this.#open && !this.#leaving && !this.#mayStream) {
        const body = this.#frames.next();
        if (!body) return;
        this.#hear(parse(body));
      }
    } catch (error) {
      // Where one message ends and the next begins is not known any more.
      this.send({ failure: failureMessage(error) });
      this.whenSent(() => this.close());
    }
  }

  #hear(message: unknown): void {
    if (!this.#greeted) {
      greet(message);
      this.#greeted = true;
      this.send({ hello: PROTOCOL_VERSION });
      return;
    }
    let question: Question;
    try {
      question = readQuestion(message);
    } catch (error) {
      this.send({ number: numberOf(message), failure: failureMessage(error) });
      return;
    }
    if (streaming.includes(question.ask)) {
      this.#mayStream = true;
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
    }
    this.#answer(question);
  }

  async #answer(question: Question): Promise<void> {
    const { number } = question;
    try {
      const reply = await this.#events.ask(question, this);
      if ('answer' in reply) this.send({ number, answer: reply.answer });
      else this.#giveUp(number, reply.takeOver);
    } catch (error) {
      this.send({ number, failure: failureMessage(error) });
      if (!this.#mayStream || !this.#open || this.#leaving) return;
      this.#mayStream = false;
      this.#listen();
      this.#serve();
    }
  }

  /** The answer goes first, then the descriptor changes its owner. */
  #giveUp(number: number, takeOver: (connection: OwnedFd, early: Uint8Array) => void): void {
    this.send({ number, answer: {} });
    this.whenSent(() => {
      if (!this.#open) return;
      this.#leave();
      takeOver(this.#fd, this.#frames.rest());
    });
  }

  #leave(): void {
    this.#open = false;
    this.#watch?.[Symbol.dispose]();
    this.#output[Symbol.dispose]();
    for (const thing of this.#owned.splice(0)) thing[Symbol.dispose]();
    this.#events.closed(this);
  }

  close(): void {
    if (!this.#open) return;
    this.#leave();
    this.#fd.close();
  }
}

function parse(body: Uint8Array): unknown {
  return parseJson(textOf(body));
}

/** Every version up to ours is served: fields are only added. */
export function greet(message: unknown): void {
  const version = (message as { hello?: unknown } | null)?.hello;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
    throw new ProaError('hello: expected the version of the protocol as the first message', { kind: 'invalid' });
  }
}

function numberOf(message: unknown): unknown {
  return (message as { number?: unknown } | null)?.number ?? null;
}
