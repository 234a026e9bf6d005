import type { ServerResponse } from 'node:http';

/** distribution-spec, "Error Codes", and the one that Docker's registry has for a wrong `n`. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'SIZE_INVALID'
  | 'UNSUPPORTED';

/** A request that cannot be served, and what its sender is told. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: ErrorCode;

  constructor(status: number, code: ErrorCode, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function answerJson(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

export function answerEmpty(response: ServerResponse, status: number, headers = {}): void {
  response.writeHead(status, { 'content-length': 0, ...headers });
  response.end();
}

export function answerRefusal(response: ServerResponse, { status, code, message }: Refusal): void {
  answerJson(response, status, { errors: [{ code, message }] });
}
