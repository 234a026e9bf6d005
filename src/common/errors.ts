/** Decides HTTP and gRPC status and exit codes, and nothing else. */
export type FailureKind =
  | 'invalid' // the request is wrong and will be wrong again
  | 'not-found'
  | 'conflict' // exists already, or is in a state that forbids it
  | 'unsupported' // this kernel, host or release cannot do it
  | 'denied' // the kernel or a policy said no
  | 'exhausted' // memory, space, descriptors, a limit
  | 'unavailable' // try again later
  | 'internal';

export interface FailureDetails {
  kind: FailureKind;
  /** What the user can try, as one sentence without a final period. */
  remedy?: string | undefined;
  cause?: unknown;
}

/** A failure that a user may read: what was being done and to which thing; `cause` says why. Our own bugs are plain TypeErrors. */
export class ProaError extends Error {
  readonly kind: FailureKind;
  readonly remedy: string | undefined;

  constructor(message: string, { kind, remedy, cause }: FailureDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ProaError';
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** The whole story in one line: every message from the outermost to the first cause, joined with ": ". */
export function describe(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    const text = at instanceof ProaError ? at.message : String(at);
    if (text !== '') parts.push(text);
  }
  return parts.join(': ');
}

/** The first remedy found on the way from `error` to its cause. */
export function remedyOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ProaError && at.remedy) return at.remedy;
  return undefined;
}

export function kindOf(error: unknown): FailureKind {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ProaError) return at.kind;
  return 'internal';
}
