import { describe, ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import { lazy } from '#common/lazy.ts';
import type { Loop } from '#loop/loop.ts';
import { type Address, addressText } from '#native/http/address.ts';
import { type BodySource, HttpClient, type Response } from '#native/http/client.ts';
import type { Connection } from '#native/http/connection.ts';
import type { Headers } from '#native/http/head.ts';
import { EACCES, ECONNREFUSED, ENOENT } from '#sys/errno.ts';
import { isErrno } from '#sys/errors.ts';
import { ApiError } from './failures.ts';
import type * as starting from './start-engine.ts';

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface Call {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, such as a tar archive. */
  source?: BodySource;
  headers?: Headers;
}

export interface EngineOptions {
  address: Address;
  /** No host was named: an engine that does not run is started. */
  startable: boolean;
  /** Such as `1.45`; without it the engine's newest. */
  version?: string | undefined;
}

/** The Docker Engine API of one engine. Errors that it answers with are thrown as ApiErrors. */
export class Engine implements Disposable {
  readonly #loop: Loop;
  readonly #client: HttpClient;
  readonly #options: EngineOptions;
  #reached: Promise<void> | undefined;
  /** What the engine takes beyond Docker's API, as its last answer said: `Proa-Additions`. */
  #additions = 0;

  constructor(loop: Loop, options: EngineOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#client = new HttpClient(loop, options.address);
  }

  /** A call whose answer is JSON; undefined where it has no body. */
  async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const response = await this.open(method, path, call);
    const text = await response.body.text();
    return (text === '' ? undefined : parseJson(text)) as T;
  }

  get<T>(path: string, query?: Query): Promise<T> {
    return this.call('GET', path, query ? { query } : {});
  }

  post<T = undefined>(path: string, call: Call = {}): Promise<T> {
    return this.call('POST', path, call);
  }

  /** A call whose answer's body the caller reads, to its end or until it abandons it. */
  async open(method: string, path: string, call: Call = {}): Promise<Response> {
    await this.#reach();
    const response = await this.#client.request(this.#request(method, path, call));
    this.#additions = Number(response.headers['proa-additions'] ?? 0);
    if (response.status >= 400) throw await failureOf(response);
    return response;
  }

  /** A call that turns its connection into a stream of bytes. `multiplexed`: undefined where the engine does not say. */
  async hijack(path: string, call: Call = {}): Promise<{ connection: Connection; multiplexed: boolean | undefined }> {
    await this.#reach();
    const answer = await this.#client.upgrade(this.#request('POST', path, call));
    if ('body' in answer) throw await failureOf(answer);
    const type = answer.headers['content-type'];
    const known = type === 'application/vnd.docker.multiplexed-stream' || type === 'application/vnd.docker.raw-stream';
    // Older engines call both raw.
    const multiplexed = known && type !== 'application/vnd.docker.raw-stream' ? true : undefined;
    return { connection: answer.connection, multiplexed };
  }

  /** Whether the engine holds a start until its client has attached and waits for the end. Known after an answer. */
  get holdsStarts(): boolean {
    return this.#additions >= 1;
  }

  #request(method: string, path: string, { query = {}, json, source, headers = {} }: Call) {
    const version = this.#options.version === undefined ? '' : `/v${this.#options.version}`;
    const target = `${version}${path}${queryText(query)}`;
    if (source) return { method, target, headers: { 'Content-Type': 'application/x-tar', ...headers }, body: source };
    if (json === undefined) return { method, target, headers };
    return { method, target, headers: { 'Content-Type': 'application/json', ...headers }, body: stringifyJson(json) };
  }

  /** Opens the first connection, and starts the engine where that is ours to do. */
  #reach(): Promise<void> {
    this.#reached ??= this.#firstConnection();
    return this.#reached;
  }

  async #firstConnection(): Promise<void> {
    const { address, startable } = this.#options;
    try {
      this.#client.prepare();
    } catch (cause) {
      if (startable && address.kind === 'unix' && isErrno(cause, ENOENT, ECONNREFUSED))
        return lazy<typeof starting>('cli-start-engine')().startEngine(this.#loop, () => this.#client.prepare());
      const remedy = isErrno(cause, EACCES) ? 'Run this as root' : 'Is an engine running there?';
      const message = `cannot connect to the engine at ${addressText(address)}`;
      throw new ProaError(message, { kind: 'unavailable', remedy, cause });
    }
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

async function failureOf(response: Response): Promise<ApiError> {
  const text = await response.body.text();
  let message = text.trim();
  try {
    const answer = parseJson(text) as { message?: unknown };
    if (typeof answer.message === 'string') message = answer.message;
  } catch (error) {
    // Not every server in between speaks JSON.
    if (!(error instanceof ProaError)) message = describe(error);
  }
  return new ApiError(response.status, message.trim() || `status ${response.status} without a message`);
}

/** `?a=1&b=2`; what is undefined is left out, lists repeat their name, objects are JSON. */
export function queryText(query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const list = Array.isArray(value) ? value : [value];
    for (const item of list)
      parts.push(`${name}=${encodeURIComponent(item === true ? '1' : item === false ? '0' : String(item))}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** A name as part of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}
