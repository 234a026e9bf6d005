import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { PROTOCOL_VERSION } from '#common/protocol/container.ts';
import { type FailureMessage, RemoteFailure } from '#common/protocol/failure.ts';
import { FrameReader, frameOf } from '#common/protocol/frames.ts';
import type { Notice } from '#common/protocol/monitor.ts';

type Message = { number?: number | null; answer?: unknown; failure?: FailureMessage; notice?: string; hello?: number };

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** The longest path that fits into an address: unix(7). A longer one, as a container's may be, is reached by its directory. */
const ADDRESS_BYTES = 107;

export interface ConnectionOptions {
  onNotice?(notice: Notice): void;
  /** Called once, when the other side is gone or was left. */
  onClose?(): void;
}

/** A connection to an agent or a monitor: questions are numbered, and answers may come in any order. */
export class Connection implements Disposable {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #options: ConnectionOptions;
  #count = 0;
  /** The question after whose answer the connection carries bytes. */
  #streamFrom: number | undefined;
  #closed = false;
  /** What the other side speaks, once it has said so. */
  version = 0;

  private constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', this.#receive);
    socket.on('error', () => {});
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    // With the first question, where that follows at once.
    socket.cork();
    this.#send({ hello: PROTOCOL_VERSION });
    process.nextTick(() => socket.uncork());
  }

  /** Throws `unavailable` where nobody listens. */
  static async open(path: string, options: ConnectionOptions = {}): Promise<Connection> {
    let directory: number | undefined;
    try {
      let address = path;
      if (Buffer.byteLength(path) > ADDRESS_BYTES) {
        directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
        address = `/proc/self/fd/${directory}/${basename(path)}`;
      }
      return new Connection(await connected(address), options);
    } catch (cause) {
      throw new ProaError(`cannot reach "${path}"`, { kind: 'unavailable', cause });
    } finally {
      if (directory !== undefined) closeSync(directory);
    }
  }

  #send(message: object): void {
    this.#socket.write(frameOf(Buffer.from(JSON.stringify(message))));
  }

  /** Throws what the other side says of its failure, and `unavailable` when it is gone. */
  ask<Answer = unknown>(ask: string, fields: object = {}): Promise<Answer> {
    const number = ++this.#count;
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(gone());
      this.#waiting.set(number, { resolve: resolve as (answer: unknown) => void, reject });
      this.#send({ number, ask, ...fields });
    });
  }

  /** Asks for a stream: after the answer the connection is bytes alone, and the caller's. */
  async stream(ask: string, fields: object): Promise<Socket> {
    this.#streamFrom = this.#count + 1;
    await this.ask(ask, fields);
    return this.#socket;
  }

  readonly #receive = (bytes: Buffer): void => {
    this.#frames.push(bytes);
    try {
      for (let body = this.#frames.next(); body; body = this.#frames.next()) {
        const message = parseJson(Buffer.from(body).toString()) as Message;
        if (message.number === this.#streamFrom && 'answer' in message) this.#become();
        this.#hear(message);
        if (this.#closed) return;
      }
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  };

  /** What has come already belongs to the stream. */
  #become(): void {
    this.#closed = true;
    this.#socket.off('data', this.#receive);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onClose);
    this.#socket.pause();
    const early = this.#frames.rest();
    if (early.length > 0) this.#socket.unshift(Buffer.from(early));
  }

  #hear(message: Message): void {
    if (message.hello !== undefined) this.version = message.hello;
    if (message.notice !== undefined) this.#options.onNotice?.(message as unknown as Notice);
    const waiting = this.#waiting.get(message.number ?? 0);
    if (!waiting) return;
    this.#waiting.delete(message.number ?? 0);
    if (message.failure) waiting.reject(new RemoteFailure(message.failure));
    else waiting.resolve(message.answer);
  }

  readonly #onEnd = (): void => {
    this.#socket.end();
  };

  readonly #onClose = (): void => {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
    this.#options.onClose?.();
  };

  [Symbol.dispose](): void {
    if (!this.#closed) this.#socket.destroy();
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function gone(): ProaError {
  return new ProaError('the monitor is gone', { kind: 'unavailable' });
}
