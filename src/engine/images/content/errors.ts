import { ProaError } from '#common/errors.ts';

/** What a file system call answered, as a failure of ours: `code` is a name of errno(3). */
export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

export function noSuchContent(digest: string): ProaError {
  return new ProaError(`content ${digest} is not in the store`, { kind: 'not-found' });
}
