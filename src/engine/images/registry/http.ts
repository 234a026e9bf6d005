import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProaError } from '#common/errors.ts';
import { BulkConnection } from './bulk.ts';
import { Proxies, proxyHeaders } from './proxies.ts';
import { type Sending, sendAll } from './sending.ts';
import { watchSilence } from './silence.ts';
import { TunnelAgent } from './tunnel.ts';

export interface HttpRequest {
  method: string;
  url: URL;
  headers?: Record<string, string>;
  /** A stream is made anew for each try. */
  body?: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** The body of the answer may be large: see `pieces` there. */
  bulk?: boolean;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: http.IncomingMessage;
  /** Instead of the body, where the request was made in bulk: several buffers at once, which are there until the next come. */
  pieces?: AsyncIterable<Buffer[]> | undefined;
  /** Where redirects led. */
  url: URL;
}

export interface HttpOptions {
  idleMilliseconds?: number | undefined;
  proxies?: Proxies | undefined;
}

const REDIRECTS = 8;
const TRIES = 5;
const FIRST_PAUSE = 250;
/** A registry that asks for more patience than this is not waited for. */
const LONGEST_PAUSE = 60_000;

/** Connections to registries, kept between requests. */
export class HttpClient implements Disposable {
  readonly #plain = new http.Agent({ keepAlive: true, maxSockets: 8 });
  readonly #secure = new https.Agent({ keepAlive: true, maxSockets: 8 });
  readonly #unverified = new https.Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
  readonly #tunnels = new Map<string, TunnelAgent>();
  readonly #idleMilliseconds: number;
  readonly #proxies: Proxies;

  /** `idleMilliseconds`: how long the other side may say nothing. `proxies`: those of the environment when absent. */
  constructor({ idleMilliseconds = 60_000, proxies = new Proxies(process.env) }: HttpOptions = {}) {
    this.#idleMilliseconds = idleMilliseconds;
    this.#proxies = proxies;
  }

  /**
   * One request with its redirects. What is meant for one host is not told to another: credentials are dropped when a
   * redirect leads elsewhere. From HTTPS, none leads back to HTTP.
   */
  async send(request: HttpRequest, { insecure = false } = {}): Promise<HttpResponse> {
    let { url, headers = {} } = request;
    for (let count = 0; count <= REDIRECTS; count++) {
      const response = await this.#once({ ...request, url, headers }, insecure);
      const { location } = response.headers;
      const redirected = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!redirected || !['GET', 'HEAD'].includes(request.method)) return response;
      response.body.resume();
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw new ProaError(`redirect from ${url.origin} to ${next.origin}: not encrypted`, { kind: 'denied' });
      if (next.origin !== url.origin) headers = without(headers, 'authorization');
      url = next;
    }
    throw new ProaError(`${request.url.href}: more than ${REDIRECTS} redirects`, { kind: 'unavailable' });
  }

  /** The same for requests that may be made twice: what passes is tried again, with growing pauses. */
  sendPatiently(request: HttpRequest, options: { insecure?: boolean } = {}): Promise<HttpResponse> {
    return patiently(() => this.send(request, options), request.signal);
  }

  #once({ method, url, headers, body, bulk, signal }: HttpRequest, insecure: boolean): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const milliseconds = this.#idleMilliseconds;
      const proxy = this.#proxies.for(url);
      // What comes out of a tunnel, Node.js reads into new memory whoever asks.
      const inBulk = bulk && !(proxy && secure);
      // Of what is not encrypted, the proxy is asked as if it were the place, and its certificate has to be right.
      const first = proxy && !secure ? { url: proxy, insecure: false } : { url, insecure };
      const own = inBulk
        ? new BulkConnection(first.url, { insecure: first.insecure, idleMilliseconds: milliseconds })
        : undefined;
      const way = own
        ? { createConnection: () => own }
        : { agent: proxy && secure ? this.#tunnel(proxy, insecure) : this.#agent(first.url, first.insecure) };
      const given = { ...headers, ...(proxy && !secure && { host: url.host, ...proxyHeaders(proxy) }) };
      const target = proxy && !secure ? { path: `${url.origin}${url.pathname}${url.search}` } : {};
      const options = { method, headers: given, ...target, ...way, ...(signal && { signal }) };
      let answer: http.IncomingMessage | undefined;
      let sending: Sending | undefined;
      const refuseUpgrade = (way: Duplex | http.IncomingMessage) => {
        way.destroy();
        reject(new ProaError(`${url.host} answered 101 Switching Protocols, unasked`, { kind: 'invalid' }));
      };
      const { protocol } = first.url;
      const request = (protocol === 'https:' ? https : http).request(first.url, options, (message) => {
        answer = message;
        const status = message.statusCode ?? 0;
        if (status === 101) return refuseUpgrade(message);
        const pieces = status === 200 || status === 206 ? own?.bodyOf(message) : undefined;
        resolve({ status, headers: message.headers, body: message, pieces, url });
      });
      request.on('error', reject);
      request.on('upgrade', (_message, socket) => refuseUpgrade(socket));
      // When nothing else has been heard before.
      request.on('close', () =>
        reject(Object.assign(new Error(`${url.host} ended the connection`), { code: 'ECONNRESET' })),
      );
      const silence = {
        host: url.host,
        milliseconds,
        // What has come waits for its reader, or the other side for what we send.
        isHeld: () => (answer?.readableLength ?? 0) > 0 || sending?.isHeld() === true,
        onSilence: (error: Error) => (answer ?? request).destroy(error),
      };
      // Its reader hears of the reason, not just of an end.
      if (own) own.on('error', (error) => answer?.destroy(error));
      else request.on('socket', (socket) => request.on('close', watchSilence(socket, silence)));
      if (typeof body === 'function') sending = sendAll(request, body());
      else request.end(body);
    });
  }

  #agent({ protocol }: URL, insecure: boolean): http.Agent {
    if (protocol !== 'https:') return this.#plain;
    return insecure ? this.#unverified : this.#secure;
  }

  #tunnel(proxy: URL, insecure: boolean): TunnelAgent {
    const key = `${proxy.href} ${insecure}`;
    const options = { keepAlive: true, maxSockets: 8, rejectUnauthorized: !insecure };
    const agent = this.#tunnels.get(key) ?? new TunnelAgent(proxy, this.#idleMilliseconds, options);
    this.#tunnels.set(key, agent);
    return agent;
  }

  [Symbol.dispose](): void {
    for (const agent of [this.#plain, this.#secure, this.#unverified, ...this.#tunnels.values()]) agent.destroy();
  }
}

/** A request that may be made several times: while the server is busy, or the network fails. */
export async function patiently(
  attempt: () => Promise<HttpResponse>,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  for (let tries = 1; ; tries++) {
    let pause = FIRST_PAUSE * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
    try {
      const response = await attempt();
      const busy = response.status === 429 || [500, 502, 503, 504].includes(response.status);
      if (!busy || tries === TRIES) return response;
      pause = Math.max(pause, retryAfter(response.headers['retry-after']));
      if (pause > LONGEST_PAUSE) return response;
      response.body.resume();
    } catch (error) {
      if (signal?.aborted || tries === TRIES || !passes(error)) throw error;
    }
    await sleep(pause, undefined, signal ? { signal } : {});
  }
}

/** Milliseconds; the header is seconds or a date. RFC 9110, 10.2.3. */
export function retryAfter(value: string | undefined, now = Date.now()): number {
  if (!value) return 0;
  const seconds = Number(value);
  const time = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isNaN(time) ? 0 : Math.max(0, time);
}

const passing = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EPIPE',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Whether the network may do better another time. */
export function passes(error: unknown): boolean {
  const cause = error instanceof ProaError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && passing.has(String(cause.code));
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name));
}

/** All of a short answer. Throws `invalid` for a long one. */
export async function readShort(body: http.IncomingMessage, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += (chunk as Buffer).length;
    if (length > limit) {
      body.destroy();
      throw new ProaError(`${what} has more than ${limit} bytes`, { kind: 'invalid' });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
