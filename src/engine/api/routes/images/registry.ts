import type { IncomingMessage } from 'node:http';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { RegistryClient } from '../../../images/registry/client.ts';
import type { Credentials } from '../../../images/registry/credentials.ts';

interface AuthHeader {
  username?: string;
  password?: string;
  identitytoken?: string;
}

const auth = check.object(
  { __proto__: null, username: check.content, password: check.content, identitytoken: check.content },
  [],
);

/** A client of registries that knows who the caller is there: from the header X-Registry-Auth. Engine API, "Authentication". */
export function registryClient(request: IncomingMessage, signal: AbortSignal): RegistryClient {
  const header = request.headers['x-registry-auth'];
  const given = typeof header === 'string' && header !== '' ? readHeader(header) : undefined;
  return new RegistryClient({ signal, credentials: { for: async () => given } });
}

function readHeader(header: string): Credentials | undefined {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(header, 'base64url').toString() || '{}');
  } catch (cause) {
    throw new ProaError('X-Registry-Auth: no JSON in base64', { kind: 'invalid', cause });
  }
  const { username = '', password = '', identitytoken = '' } = checked<AuthHeader>(auth, 'X-Registry-Auth', value);
  if (identitytoken !== '') return { identityToken: identitytoken };
  return username === '' ? undefined : { username, password };
}
