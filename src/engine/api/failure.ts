import type { ServerResponse } from 'node:http';
import { describe, type FailureKind, kindOf, ProaError, remedyOf } from '#common/errors.ts';

const statuses: Record<FailureKind, number> = {
  invalid: 400,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  unsupported: 501,
  exhausted: 507,
  unavailable: 503,
  internal: 500,
};

/** A failure as the Docker Engine API tells it; the remedy is an addition of ours. */
export function failureReply(error: unknown): { status: number; json: { message: string; remedy?: string } } {
  const remedy = remedyOf(error);
  return {
    status: statuses[kindOf(error)],
    json: { message: describe(error), ...(remedy !== undefined && { remedy }) },
  };
}

/** Whether it is a mistake of ours, which belongs into the log. */
export function isDefect(error: unknown): boolean {
  return !(error instanceof ProaError) || kindOf(error) === 'internal';
}

/** In a stream that has begun there is no status any more. Engine API, "Image", "create". */
export function tellFailureInStream(response: ServerResponse, error: unknown): void {
  const message = describe(error);
  response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
}
