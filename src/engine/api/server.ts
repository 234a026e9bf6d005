import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import type { Engine } from '../core/engine.ts';
import { failureReply, isDefect } from './failure.ts';
import { headWithoutUpgrade, isHijack, markOldStyle, OLD_HEADER, readHijackedBody } from './hijack.ts';
import type { Call, Operation, Reply } from './operation.ts';
import { readQuery } from './query.ts';
import { Router } from './router.ts';
import { ADDITIONS, ADDITIONS_HEADER, apiVersion, NEWEST } from './version.ts';

const BODY_LIMIT = 16 << 20;

/** Serves the Docker Engine API to connections on a socket. */
export class ApiServer {
  readonly #engine: Engine;
  readonly #router: Router;
  readonly #http: Server;
  readonly #net: NetServer;
  readonly #sockets = new Set<Socket>();

  constructor(engine: Engine, operations: readonly Operation[]) {
    this.#engine = engine;
    this.#router = new Router(operations);
    this.#http = createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
      this.#serve(request, response);
    });
    // A body may take as long as it wants, and so may an answer.
    this.#http.requestTimeout = 0;
    this.#http.on('upgrade', (request, socket, head) => {
      if (isHijack(request)) this.#serveHijacked(request, socket as Socket, head);
      else this.#serveAgain(request, socket as Socket, head);
    });
    this.#http.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
    this.#net = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  /** Returns when it listens: at a path, or on a descriptor that listens already. */
  async listen(where: { path: string } | { fd: number }): Promise<void> {
    await new Promise<void>((listening, failed) => {
      this.#net.once('error', failed);
      this.#net.listen(where, listening);
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(markOldStyle(first));
      this.#http.emit('connection', socket);
      socket.resume();
    });
    socket.resume();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Api-Version', NEWEST);
    response.setHeader('Docker-Experimental', 'false');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', 'proa');
    response.setHeader(ADDITIONS_HEADER, ADDITIONS);
    // Who says that it keeps its connection (Node.js, Python) may want it taken over in old style by a later request, which
    // is recognised at a connection's beginning alone.
    if (/keep-alive/i.test(request.headers.connection ?? '')) response.shouldKeepAlive = false;
    try {
      const reply = await this.#answer(request, response, { takeOver: refuseTakeOver, body: () => readBody(request) });
      if (reply) send(request, response, reply);
    } catch (error) {
      // A client that goes breaks what was being sent to it.
      if (!response.destroyed) this.#logDefect(request, error);
      if (response.headersSent) response.destroy();
      else send(request, response, failureReply(error) as Reply & object);
    }
  }

  /** Node.js gives up a connection on which another protocol is offered, also where nobody wants that. */
  #serveAgain(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    this.#http.emit('connection', socket);
    socket.resume();
  }

  async #serveHijacked(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    let taken = false;
    const takeOver = (contentType: string) => {
      taken = true;
      const old = request.headers[OLD_HEADER] !== undefined;
      const status = old ? '200 OK' : '101 UPGRADED';
      const upgrade = old ? '' : 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
      socket.write(`HTTP/1.1 ${status}\r\nContent-Type: ${contentType}\r\n${upgrade}\r\n`);
      return socket;
    };
    try {
      const body = await readHijackedBody(request, socket, head);
      const read = async () => (body.length === 0 ? undefined : parseBody(body.toString()));
      const reply = await this.#answer(request, response, { takeOver, body: read, ending: socket });
      if (!taken && reply) sendRaw(socket, reply);
    } catch (error) {
      this.#logDefect(request, error);
      if (taken) socket.destroy();
      else sendRaw(socket, failureReply(error) as Reply & object);
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    {
      takeOver,
      body,
      ending = response,
    }: { takeOver(type: string): Duplex; body(): Promise<unknown>; ending?: Socket | ServerResponse },
  ): Promise<Reply> {
    const { pathname, searchParams } = parseUrl(request.url ?? '/');
    const [, version, path = '/'] = /^(?:\/v(\d+\.\d+))?(\/.*)$/.exec(pathname) ?? [];
    const { operation, params } = this.#router.find(request.method ?? 'GET', path);
    let signal: AbortSignal | undefined;
    const call: Call = {
      engine: this.#engine,
      version: apiVersion(version),
      params,
      query: readQuery(operation.query, searchParams),
      request,
      response,
      // Few operations look at it.
      get signal() {
        signal ??= signalOf(ending);
        return signal;
      },
      body,
      takeOver,
    };
    return await operation.answer(call);
  }

  #logDefect(request: IncomingMessage, error: unknown): void {
    if (!isDefect(error)) return;
    const where = error instanceof Error && !(error instanceof ProaError) ? `\n${error.stack}` : '';
    process.stderr.write(`proad: ${request.method} ${request.url}: ${describe(error)}${where}\n`);
  }

  /** Takes no more connections, and ends those that are there. */
  async close(): Promise<void> {
    const closed = new Promise((done) => this.#net.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function parseUrl(url: string): URL {
  try {
    return new URL(url, 'http://proad');
  } catch (cause) {
    throw new ProaError(`not a path: "${url}"`, { kind: 'invalid', cause });
  }
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply & object): void {
  const { status, json, headers = {} } = reply;
  const isEarly = !request.complete && request.headers['transfer-encoding'] !== undefined;
  // What a client still sends would be taken for its next request.
  if (isEarly) response.setHeader('Connection', 'close');
  if (json === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  const body = Buffer.from(`${stringifyJson(json)}\n`);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers });
  if (!isEarly) {
    response.end(body);
    return;
  }
  response.write(body);
  stillRead(request).then(() => response.end());
}

/** Those written in Go never see the answer where they cannot go on sending: they are heard out for so long. */
const HEAR_OUT_MILLISECONDS = 500;

async function stillRead(request: IncomingMessage): Promise<void> {
  if (request.destroyed) return;
  const signal = AbortSignal.timeout(HEAR_OUT_MILLISECONDS);
  request.resume();
  await once(request, 'close', { signal }).catch(() => {});
}

function sendRaw(socket: Socket, { status, json, headers = {} }: Reply & object): void {
  const body = json === undefined ? '' : `${stringifyJson(json)}\n`;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${status < 400 ? 'OK' : 'Failed'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n${lines.join('')}\r\n${body}`,
  );
}

function refuseTakeOver(): never {
  throw new ProaError('this request needs a connection of its own, or "Connection: Upgrade" and "Upgrade: tcp"', {
    kind: 'invalid',
  });
}

/** One for all: the one that Node.js would make of each has a trace of calls. */
const gone = new Error('the client is gone');

function signalOf(ending: Socket | ServerResponse): AbortSignal {
  const abort = new AbortController();
  if (ending.closed) abort.abort(gone);
  else ending.once('close', () => abort.abort(gone));
  return abort.signal;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_LIMIT) throw new ProaError(`the body has more than ${BODY_LIMIT} bytes`, { kind: 'invalid' });
    parts.push(part);
  }
  return size === 0 ? undefined : parseBody(Buffer.concat(parts).toString());
}

function parseBody(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new ProaError('the body is no JSON', { kind: 'invalid', cause });
  }
}
