import { type FailureKind, ProaError } from '#common/errors.ts';

/** The command line is wrong: shown with the command's usage. */
export class UsageError extends ProaError {
  /** Docker's status for a wrong option; for a wrong number of words it is 1. */
  readonly status: number;

  constructor(message: string, status = 125) {
    super(message, { kind: 'invalid' });
    this.status = status;
  }
}

/** `--help` stood where an option may. */
export class HelpWanted extends Error {}

/** The engine's answer was an error. */
export class ApiError extends ProaError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`Error response from daemon: ${message}`, { kind: kindOfStatus(status) });
    this.status = status;
  }
}

/** A command ends with a status other than 1 after this error. */
export class StatusError extends ProaError {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super('', { kind: 'internal', cause });
    this.status = status;
  }
}

function kindOfStatus(status: number): FailureKind {
  if (status === 404) return 'not-found';
  if (status === 409) return 'conflict';
  if (status === 501) return 'unsupported';
  if (status === 503) return 'unavailable';
  return status < 500 ? 'invalid' : 'internal';
}
