import { ProaError } from '#common/errors.ts';
import type { Credentials } from './credentials.ts';
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
  async answer(
    challenges: readonly Challenge[],
    { scope, credentials, origin }: { scope: string; credentials: Credentials | undefined; origin: URL },
  ): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm']);
    if (bearer) return `Bearer ${await this.#token(bearer.parameters, scope, credentials, origin)}`;
    const asksBasic = challenges.some(({ scheme }) => scheme === 'basic');
    return asksBasic && credentials && 'username' in credentials ? basic(credentials) : undefined;
  }

  async #token(
    { realm = '', service = '', scope: asked }: Record<string, string>,
    scope: string,
    credentials: Credentials | undefined,
    origin: URL,
  ): Promise<string> {
    const wanted = asked ?? scope;
    const who = credentials && 'username' in credentials ? credentials.username : '';
    const key = [realm, service, wanted, who].join(' ');
    const kept = this.#kept.get(key);
    if (kept && kept.until > Date.now()) return kept.value;
    const url = new URL(realm);
    if (origin.protocol === 'https:' && url.protocol !== 'https:') {
      throw new ProaError(`the token server of ${origin.host} is ${url.origin}: not encrypted`, { kind: 'denied' });
    }
    const token = await this.#fetch(url, service, wanted, credentials);
    this.#kept.set(key, token);
    return token.value;
  }

  async #fetch(url: URL, service: string, scope: string, credentials: Credentials | undefined): Promise<Token> {
    const response =
      credentials && 'identityToken' in credentials
        ? await this.#exchange(url, service, scope, credentials.identityToken)
        : await this.#ask(url, service, scope, credentials);
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
    if (scope) query.searchParams.set('scope', scope);
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

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
