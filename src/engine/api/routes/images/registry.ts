import type { IncomingMessage } from 'node:http';
import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import type { Reference } from '../../../images/reference/parse.ts';
import { RegistryClient } from '../../../images/registry/client.ts';
import { type CredentialSource, type Credentials, userCredentials } from '../../../images/registry/credentials.ts';

const HEADER = 'X-Registry-Auth';

interface AuthHeader {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
  serveraddress?: string;
}

const auth = check.object(
  {
    __proto__: null,
    username: check.content,
    password: check.content,
    identitytoken: check.content,
    registrytoken: check.matching(/^[\x21-\x7e]+$/, 'a token'),
    serveraddress: check.content,
  },
  [],
);

/**
 * A client of registries that knows who the caller is at the registry of `reference`, and there alone: mirrors get nothing of
 * the header X-Registry-Auth. At them we are who `elsewhere` says, which the registry gets nothing of. Engine API,
 * "Authentication".
 */
export function registryClient(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { domain }: Pick<Reference, 'domain'>,
  { signal, elsewhere = userCredentials }: { signal: AbortSignal; elsewhere?: CredentialSource },
): RegistryClient {
  const header = headers[HEADER.toLowerCase()];
  const given = typeof header === 'string' && header !== '' ? readHeader(header, domain) : undefined;
  return new RegistryClient({
    signal,
    credentials: { for: async (host) => (host === domain ? given : elsewhere.for(host)) },
  });
}

function readHeader(header: string, domain: string): Credentials | undefined {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(header, 'base64url').toString() || '{}');
  } catch (cause) {
    throw new ProaError(`${HEADER}: no JSON in base64`, { kind: 'invalid', cause });
  }
  const given = checked<AuthHeader>(auth, HEADER, lowerCase(value));
  const found = credentialsIn(given);
  if (found && given.serveraddress && registryAt(given.serveraddress) !== domain)
    throw new ProaError(`${HEADER}.serveraddress: expected the registry "${domain}", got "${given.serveraddress}"`, {
      kind: 'invalid',
      remedy: 'Credentials are for one registry: send those of the one that the image is named after',
    });
  return found;
}

/** Clients write the names of fields as the helpers for credentials do, or as the API does. */
function lowerCase(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
}

function credentialsIn({ username, password = '', identitytoken, registrytoken }: AuthHeader): Credentials | undefined {
  if (registrytoken) return { registryToken: registrytoken };
  if (identitytoken) return { identityToken: identitytoken };
  return username ? { username, password } : undefined;
}

/** Docker's own goes by the address of an API that is long gone. */
function registryAt(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
