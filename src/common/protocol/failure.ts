import { describe, type FailureKind, kindOf, ProaError, remedyOf } from '../errors.ts';

/** A failure on its way from one process to another, as JSON. */
export interface FailureMessage {
  /** What was being done, from the outermost step to the system call. */
  message: string;
  kind: FailureKind;
  remedy?: string;
  /** Number, call and object of the system call that failed, where there was one. */
  errno?: number;
  call?: string;
  object?: string;
  /** The first line of the stack of an error that is our own bug. */
  where?: string;
}

interface CallFacts {
  errno?: number;
  call?: string;
  object?: string;
}

export function failureMessage(error: unknown): FailureMessage {
  const message: FailureMessage = { message: describe(error), kind: kindOf(error) };
  const remedy = remedyOf(error);
  if (remedy !== undefined) message.remedy = remedy;
  let last: Error | undefined;
  for (let at = error; at instanceof Error; at = at.cause) last = at;
  const { errno, call, object } = (last ?? {}) as CallFacts;
  if (errno !== undefined) message.errno = errno;
  if (call !== undefined) message.call = call;
  if (object !== undefined) message.object = object;
  if (last !== undefined && !(last instanceof ProaError))
    message.where = String(last.stack).split('\n')[0]?.trim() ?? '';
  return message;
}

/** A failure that another process met. */
export class RemoteFailure extends ProaError {
  readonly errno: number | undefined;
  readonly call: string | undefined;
  readonly object: string | undefined;

  constructor({ message, kind, remedy, errno, call, object, where }: FailureMessage) {
    super(where ? `${message} ${where}` : message, { kind, remedy });
    this.errno = errno;
    this.call = call;
    this.object = object;
  }
}
