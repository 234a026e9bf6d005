import { ProaError } from '#common/errors.ts';

/** `major * 1000 + minor`: compares as a number. */
export type ApiVersion = number;

export const NEWEST = '1.51';
export const OLDEST = '1.24';

/**
 * With every answer but those after which a connection carries bytes: what this engine takes beyond that API. A higher number
 * includes the lower ones.
 *   1  POST /containers/ID/start takes `attached` and `waiting`
 */
export const ADDITIONS_HEADER = 'Proa-Additions';
export const ADDITIONS = '1';

export const newest = numberOf(NEWEST);
const oldest = numberOf(OLDEST);

function numberOf(text: string): ApiVersion {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return major * 1000 + minor;
}

/** Throws `invalid` for one that is not spoken. */
export function apiVersion(text: string | undefined): ApiVersion {
  if (text === undefined) return newest;
  const version = numberOf(text);
  if (version < oldest)
    throw new ProaError(
      `client version ${text} is too old. Minimum supported API version is ${OLDEST}, please upgrade your client to a newer version`,
      { kind: 'invalid' },
    );
  if (version <= newest) return version;
  throw new ProaError(`client version ${text} is too new. Maximum supported API version is ${NEWEST}`, {
    kind: 'invalid',
  });
}
