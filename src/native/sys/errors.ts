import { type FailureKind, ProaError } from '#common/errors.ts';
import { lazy } from '#common/lazy.ts';
import type * as names from '#sys/errno-names.ts';
import * as errno from './errno.ts';

const errnoNames = lazy<typeof names>('errno-names');

const kinds: Record<number, FailureKind> = {
  [errno.EPERM]: 'denied',
  [errno.EACCES]: 'denied',
  [errno.EROFS]: 'denied',
  [errno.ENOENT]: 'not-found',
  [errno.ESRCH]: 'not-found',
  [errno.EEXIST]: 'conflict',
  [errno.EBUSY]: 'conflict',
  [errno.ENOMEM]: 'exhausted',
  [errno.ENOSPC]: 'exhausted',
  [errno.ENOSYS]: 'unsupported',
  [errno.EOPNOTSUPP]: 'unsupported',
  [errno.EINVAL]: 'invalid',
};

/** A system call that failed: `mount(2) "/data": EACCES (permission denied)`. */
export class SystemError extends ProaError {
  readonly call: string;
  readonly object: string | undefined;
  readonly errno: number;

  constructor(call: string, number: number, object?: string, remedy?: string) {
    const [name, meaning] = errnoNames().errnoTable[number] ?? [`errno ${number}`, 'unknown error'];
    const thing = object === undefined ? '' : ` "${object}"`;
    super(`${call}(2)${thing}: ${name} (${meaning})`, { kind: kinds[number] ?? 'internal', remedy });
    this.name = 'SystemError';
    this.call = call;
    this.object = object;
    this.errno = number;
  }
}

/** `result` when the call succeeded; otherwise throws what failed on which thing. */
export function check(result: number, call: string, object?: string): number {
  if (result < 0) throw new SystemError(call, -result, object);
  return result;
}

/** Calls until no signal interrupts: signal(7), "Interruption of system calls". */
export function uninterrupted(attempt: () => number): number {
  for (;;) {
    const result = attempt();
    if (result !== -errno.EINTR) return result;
  }
}

export function isErrno(error: unknown, ...numbers: number[]): boolean {
  return error instanceof SystemError && numbers.includes(error.errno);
}
