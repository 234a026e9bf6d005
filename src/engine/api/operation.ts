import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Engine } from '../core/engine.ts';
import type { QueryOf, QueryShape } from './query.ts';
import type { ApiVersion } from './version.ts';

/** One request, with what was found right in it. */
export interface Call<Q extends QueryShape = QueryShape> {
  engine: Engine;
  version: ApiVersion;
  /** The parts of the path that stand in braces. */
  params: Record<string, string>;
  query: QueryOf<Q>;
  request: IncomingMessage;
  response: ServerResponse;
  /** Ends when the client has gone. */
  signal: AbortSignal;
  /** The JSON of the body; undefined where there is none. Throws `invalid` for what is no JSON. */
  body(): Promise<unknown>;
  /**
   * Takes the connection over: from then on it is bytes both ways, and its head says what they are. What is thrown before
   * is answered as usual.
   */
  takeOver(contentType: string): Duplex;
}

/** What is answered: a document, or nothing but a status. Undefined from those who have written the answer themselves. */
export type Reply = { status: number; json?: unknown; headers?: Record<string, string> } | undefined;

/** One operation of the Docker Engine API: how it is called, what it takes, and what it does. */
export interface Operation<Q extends QueryShape = QueryShape> {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** `{name}` is one part of the path, `{name*}` one or more. */
  path: string;
  query: Q;
  answer(call: Call<NoInfer<Q>>): Promise<Reply> | Reply;
}

/** Gives the handler the types of its own query. */
export function operation<Q extends QueryShape>(one: Operation<Q>): Operation {
  return one as unknown as Operation;
}

export const ok = (json: unknown): Reply => ({ status: 200, json });
export const created = (json: unknown): Reply => ({ status: 201, json });
export const nothing: Reply = { status: 204 };
