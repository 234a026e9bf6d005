import { ProaError } from '#common/errors.ts';
import type { Loop } from '#loop/loop.ts';
import { joinBytes, utf8 } from '#sys/bytes.ts';
import { SystemError } from '#sys/errors.ts';
import type { Address } from './address.ts';
import { Body, ChunkedWriter } from './body.ts';
import { type Connection, connect } from './connection.ts';
import { type Headers, type ResponseHead, readResponseHead, requestBytes } from './head.ts';

/** Writes a body piece by piece; `write` resolves when there is room for more. */
export type BodySource = (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;

export interface Request {
  method: string;
  target: string;
  headers?: Headers;
  body?: string | BodySource;
}

export interface Response {
  status: number;
  headers: Headers;
  body: Body;
}

/** What a connection has become that carries bytes alone. */
export interface Upgraded {
  status: number;
  headers: Headers;
  connection: Connection;
}

/** Requests to one address, over connections that are kept for the next ones. HTTP/1.1: RFC 9112. */
export class HttpClient implements Disposable {
  readonly #loop: Loop;
  readonly #address: Address;
  readonly #idle: Connection[] = [];

  constructor(loop: Loop, address: Address) {
    this.#loop = loop;
    this.#address = address;
  }

  /** Opens a connection for a request to come, so that only its answer is waited for. Throws where nobody listens. */
  prepare(): void {
    this.#idle.push(connect(this.#loop, this.#address));
  }

  /** Sends a request; resolves when the head of its answer is there. Read the body to its end, or abandon it. */
  async request(request: Request): Promise<Response> {
    const { connection, head } = await this.#exchange(request, {});
    const body = new Body(connection, {
      method: request.method,
      head,
      ended: (reusable) => this.#settle(connection, head, reusable && typeof request.body !== 'function'),
    });
    return { ...head, body };
  }

  /**
   * Asks for the connection itself. An answer of 101, or of 200 to which the older engines reply so, gives it; any other
   * is an answer as to `request`.
   */
  async upgrade(request: Request): Promise<Upgraded | Response> {
    const { connection, head } = await this.#exchange(request, { Connection: 'Upgrade', Upgrade: 'tcp' });
    if (head.status === 101 || head.status === 200) return { ...head, connection };
    const ended = (reusable: boolean) => this.#settle(connection, head, reusable);
    return { ...head, body: new Body(connection, { method: request.method, head, ended }) };
  }

  async #exchange(request: Request, more: Headers): Promise<{ connection: Connection; head: ResponseHead }> {
    const { connection, reused } = this.#take();
    const repeatable = reused && (request.method === 'GET' || request.method === 'HEAD');
    try {
      const head = await this.#send(connection, request, more);
      if (head) return { connection, head };
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
    connection[Symbol.dispose]();
    // The engine may close an idle connection just when it is used again. What changes something may have been done
    // all the same, and is not asked twice: RFC 9110, section 9.2.2.
    if (repeatable) return this.#exchange(request, more);
    throw new ProaError('the engine closed the connection without an answer', { kind: 'unavailable' });
  }

  /** A connection that was kept and is still there, or a new one. */
  #take(): { connection: Connection; reused: boolean } {
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) {
      if (kept.isIdle()) return { connection: kept, reused: true };
      kept[Symbol.dispose]();
    }
    return { connection: connect(this.#loop, this.#address), reused: false };
  }

  async #send(connection: Connection, request: Request, more: Headers): Promise<ResponseHead | undefined> {
    const { method, target, body } = request;
    const headers: Headers = { Host: 'proa', 'User-Agent': 'proa', ...request.headers, ...more };
    if (typeof body === 'function') {
      await connection.write(requestBytes({ method, target, headers: { ...headers, 'Transfer-Encoding': 'chunked' } }));
      return this.#sendWhileListening(connection, body);
    }
    const bytes = utf8(body ?? '');
    if (body !== undefined || method !== 'GET') headers['Content-Length'] = String(bytes.length);
    await connection.write(joinBytes(requestBytes({ method, target, headers }), bytes));
    return readResponseHead(connection);
  }

  /** The answer may come before the body has gone: then the rest of it is of no use. */
  async #sendWhileListening(connection: Connection, source: BodySource): Promise<ResponseHead | undefined> {
    const answer = readResponseHead(connection);
    let answered = false;
    let failure: unknown;
    answer.then(
      () => {
        answered = true;
      },
      () => {
        answered = true;
      },
    );
    const writer = new ChunkedWriter(connection);
    const sent = (async () => {
      await source(async (bytes) => {
        if (answered) throw new ProaError('the engine has answered', { kind: 'conflict' });
        await writer.write(bytes);
      });
      await writer.end();
    })().catch((error) => {
      failure = error;
      // A broken pipe has its reason in the answer; anything else is the source's, and there will be no answer.
      if (!answered && connection.open && !isBrokenPipe(error)) connection[Symbol.dispose]();
    });
    const head = await answer;
    if (head) return head;
    await sent;
    if (failure) throw failure;
    return undefined;
  }

  #settle(connection: Connection, head: ResponseHead, reusable: boolean): void {
    if (reusable && head.headers['connection']?.toLowerCase() !== 'close') this.#idle.push(connection);
    else connection[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const connection of this.#idle.splice(0)) connection[Symbol.dispose]();
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof SystemError && error.call === 'write' && error.object === 'connection';
}
