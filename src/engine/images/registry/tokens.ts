import { ProaError } from '#common/errors.ts';
import type { Credentials } from './credentials.ts';
import { isLoopback } from './hosts.ts';
import { type HttpClient, readShort } from './http.ts';

/** What a 401 asks for: RFC 9110, 11.6.1. */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/** The challenges of a WWW-Authenticate header. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const token = /\s*,?\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+)))?/y;
  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, name = '', quoted, bare] = match;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? bare;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else {
      const last = challenges.at(-1);
      if (last) last.parameters[name.toLowerCase()] = value;
    }
  }
  return challenges;
}

export interface Asked {
  scope: string;
  credentials: Credentials | undefined;
  /** Who asks for an answer. */
  origin: URL;
  /** An answer that was not taken. */
  refused?: string | undefined;
}

interface Token {
  value: string;
  until: number;
}

/** A token server that names no time means this. distribution, auth/token, "Token Response Fields". */
const DEFAULT_SECONDS = 60;
const ANSWER_LIMIT = 1 << 20;
const CLIENT = 'proa';

/** Fetches and keeps the tokens that registries ask for. distribution, auth/token.md and auth/oauth.md. */
export class Tokens {
  readonly #client: HttpClient;
  readonly #kept = new Map<string, Token>();

  constructor(client: HttpClient) {
    this.#client = client;
  }

  /** The Authorization header that answers a challenge; undefined where there is nothing to answer with. */
  async answer(challenges: readonly Challenge[], asked: Asked): Promise<string | undefined> {
    const { credentials } = asked;
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm']);
    if (bearer && credentials && 'registryToken' in credentials) return `Bearer ${credentials.registryToken}`;
    if (bearer) return `Bearer ${await this.#token(bearer.parameters, asked)}`;
    const asksBasic = challenges.some(({ scheme }) => scheme === 'basic');
    return asksBasic && credentials && 'username' in credentials ? basic(credentials) : undefined;
  }

  async #token(
    { realm = '', service = '', scope: named }: Record<string, string>,
    { scope, credentials, origin, refused }: Asked,
  ): Promise<string> {
    const wanted = named ?? scope;
    // A mirror that names the same token server gets no token that was given for the registry's credentials.
    const key = [origin.host, realm, service, wanted].join(' ');
    const kept = this.#kept.get(key);
    if (kept && kept.until > Date.now() && `Bearer ${kept.value}` !== refused) return kept.value;
    const url = serverAt(realm, credentials !== undefined, origin);
    const token = await this.#fetch(url, service, wanted, credentials);
    this.#kept.set(key, token);
    return token.value;
  }

  async #fetch(url: URL, service: string, scope: string, credentials: Credentials | undefined): Promise<Token> {
    const response =
      credentials && 'identityToken' in credentials
        ? await this.#exchange(url, service, scope, credentials.identityToken)
        : await this.#ask(url, service, scope, credentials && 'username' in credentials ? credentials : undefined);
    const text = (await readShort(response.body, ANSWER_LIMIT, `answer of ${url.host}`)).toString('utf8');
    if (response.status !== 200) {
      throw new ProaError(`token server ${url.host} answered ${response.status}`, {
        kind: response.status === 401 || response.status === 403 ? 'denied' : 'unavailable',
        remedy: credentials ? 'Log in again: the credentials may be out of date' : 'Log in first',
      });
    }
    const answer = JSON.parse(text) as { token?: string; access_token?: string; expires_in?: number };
    const value = answer.token ?? answer.access_token;
    if (!value) throw new ProaError(`token server ${url.host} gave no token`, { kind: 'unavailable' });
    // A little less, so that it does not expire on its way.
    const seconds = Math.max(answer.expires_in ?? DEFAULT_SECONDS, DEFAULT_SECONDS) - 5;
    return { value, until: Date.now() + seconds * 1000 };
  }

  #ask(url: URL, service: string, scope: string, credentials: { username: string; password: string } | undefined) {
    const query = new URL(url);
    if (service) query.searchParams.set('service', service);
    // auth/token.md: each of several by itself.
    for (const one of scope.split(' ').filter(Boolean)) query.searchParams.append('scope', one);
    const headers: Record<string, string> = {};
    if (credentials) {
      query.searchParams.set('account', credentials.username);
      headers['authorization'] = basic(credentials);
    }
    return this.#client.sendPatiently({ method: 'GET', url: query, headers });
  }

  #exchange(url: URL, service: string, scope: string, refreshToken: string) {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT, refresh_token: refreshToken });
    if (service) form.set('service', service);
    if (scope) form.set('scope', scope);
    return this.#client.sendPatiently({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
    });
  }
}

/**
 * Who has no certificate may name any server: credentials go unencrypted to this machine, and to the host that was said to
 * be insecure, which is the registry's own.
 */
function serverAt(realm: string, withCredentials: boolean, origin: URL): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url?.protocol === 'https:') return url;
  const of = `the token server of ${origin.host} is "${realm}"`;
  if (url?.protocol !== 'http:') throw new ProaError(`${of}: that is no address`, { kind: 'unavailable' });
  const trusted = !withCredentials || isLoopback(url.host) || url.hostname === origin.hostname;
  if (origin.protocol !== 'https:' && trusted) return url;
  throw new ProaError(`${of}: not encrypted`, { kind: 'denied' });
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
