import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ProaError } from '#common/errors.ts';
import { acceptedManifests } from '#common/image-spec/media-types.ts';
import type { Descriptor, Index } from '#common/image-spec/types.ts';
import { parseIndex } from '#common/image-spec/validate.ts';
import { gathered } from '../content/gathered.ts';
import { checkDigest, checkVerifiable, type Digest, partsOf } from '../reference/digest.ts';
import { lengthOf, locationOf, mediaTypeOf, nextPage, rangeStart, reasonIn, saidDigest, tagsIn } from './answers.ts';
import type { CredentialSource } from './credentials.ts';
import type { Endpoint } from './hosts.ts';
import { isLoopback } from './hosts.ts';
import { HttpClient, type HttpRequest, type HttpResponse, patiently, readShort } from './http.ts';
import type { Proxies } from './proxies.ts';
import { parseChallenges, Tokens } from './tokens.ts';

/** distribution-spec, "Pulling manifests": registries take at least this. */
const MANIFEST_LIMIT = 4 << 20;

export interface FetchedManifest {
  descriptor: Descriptor;
  text: string;
}

export interface ClientOptions {
  credentials: CredentialSource;
  signal?: AbortSignal;
  /** How long a registry may say nothing. */
  idleMilliseconds?: number | undefined;
  /** Those of the environment when absent. */
  proxies?: Proxies | undefined;
}

export interface BlobInBulk extends Disposable {
  begins: number;
  pieces: AsyncIterable<Buffer[]>;
}

type Action = 'pull' | 'pull,push' | 'delete';

/**
 * A client of the distribution specification (v1.1) for any number of registries. A failure says which registry, which
 * repository, what was asked for and what the registry said.
 */
export class RegistryClient implements Disposable {
  readonly #http: HttpClient;
  readonly #tokens: Tokens;
  readonly #credentials: CredentialSource;
  readonly #signal: AbortSignal | undefined;
  /** Registries without TLS, found out once. */
  readonly #plain = new Set<string>();
  readonly #answers = new Map<string, string>();

  constructor({ credentials, signal, idleMilliseconds, proxies }: ClientOptions) {
    this.#http = new HttpClient({ idleMilliseconds, proxies });
    this.#tokens = new Tokens(this.#http);
    this.#credentials = credentials;
    this.#signal = signal;
  }

  /**
   * The manifest or index that a tag or digest stands for. It is what the digest says, which is that of the registry where it
   * was asked for by a tag.
   */
  async manifest(endpoint: Endpoint, reference: string, accept = acceptedManifests): Promise<FetchedManifest> {
    const what = `manifest "${reference}" of ${endpoint.host}/${endpoint.path}`;
    const asked = reference.includes(':') ? checkVerifiable(checkDigest(reference, what), what) : undefined;
    const response = await this.#ask(endpoint, 'pull', {
      method: 'GET',
      path: `manifests/${reference}`,
      headers: { accept: accept.join(', ') },
    });
    await this.#expect(response, [200], endpoint, `manifest "${reference}"`);
    const data = await readShort(response.body, MANIFEST_LIMIT, what);
    const wanted = asked ?? saidDigest(response, what);
    const { algorithm } = wanted ? partsOf(wanted) : { algorithm: 'sha256' };
    const found: Digest = `${algorithm}:${createHash(algorithm).update(data).digest('hex')}`;
    if (wanted !== undefined && wanted !== found) {
      throw new ProaError(`${what} does not match its digest: expected ${wanted}, got ${found}`, { kind: 'invalid' });
    }
    const text = data.toString('utf8');
    const mediaType = mediaTypeOf(response, text);
    return { descriptor: { mediaType, digest: found, size: data.length }, text };
  }

  /** Digest and size of what a tag stands for, without fetching it; undefined where there is none. */
  async resolve(endpoint: Endpoint, reference: string): Promise<Descriptor | undefined> {
    const response = await this.#ask(endpoint, 'pull', {
      method: 'HEAD',
      path: `manifests/${reference}`,
      headers: { accept: acceptedManifests.join(', ') },
    });
    response.body.resume();
    if (response.status === 404) return undefined;
    await this.#expect(response, [200], endpoint, `manifest "${reference}"`);
    const digest = response.headers['docker-content-digest'];
    // The header is optional for registries: what they send without it is counted here.
    if (typeof digest !== 'string') return (await this.manifest(endpoint, reference)).descriptor;
    const mediaType = response.headers['content-type'] ?? '';
    return { mediaType, digest: checkDigest(digest, 'docker-content-digest'), size: lengthOf(response) };
  }

  /**
   * The content of a blob from `offset` on. `begins` is where the answer begins: at 0 where the registry knows no ranges.
   * The bytes are not verified yet.
   */
  async blob(endpoint: Endpoint, digest: Digest, offset = 0): Promise<{ begins: number; body: IncomingMessage }> {
    const { response, begins } = await this.#blob(endpoint, digest, offset, false);
    return { begins, body: response.body };
  }

  /** The same for who is done with the bytes when asking for more: they are there until then. */
  async blobInBulk(endpoint: Endpoint, digest: Digest, offset = 0): Promise<BlobInBulk> {
    const { response, begins } = await this.#blob(endpoint, digest, offset, true);
    const { body, pieces = gathered(body) } = response;
    return { begins, pieces, [Symbol.dispose]: () => body.destroy() };
  }

  async #blob(
    endpoint: Endpoint,
    digest: Digest,
    offset: number,
    bulk: boolean,
  ): Promise<{ response: HttpResponse; begins: number }> {
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.#ask(endpoint, 'pull', { method: 'GET', path: `blobs/${digest}`, headers, bulk });
    // What was fetched before is all that there is.
    if (response.status === 416 && offset > 0) {
      response.body.resume();
      return this.#blob(endpoint, digest, 0, bulk);
    }
    await this.#expect(response, [200, 206], endpoint, `blob ${digest}`);
    try {
      return { response, begins: response.status === 206 ? rangeStart(response, offset) : 0 };
    } catch (error) {
      response.body.destroy();
      throw error;
    }
  }

  async hasBlob(endpoint: Endpoint, digest: Digest): Promise<boolean> {
    const response = await this.#ask(endpoint, 'pull', { method: 'HEAD', path: `blobs/${digest}` });
    response.body.resume();
    if (response.status === 404) return false;
    await this.#expect(response, [200], endpoint, `blob ${digest}`);
    return true;
  }

  /**
   * Uploads a blob, unless the registry has it or can take it over from another of its repositories. `read` gives its
   * content, again for each try. Answers whether bytes were sent.
   */
  async pushBlob(
    endpoint: Endpoint,
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    read: () => AsyncIterable<Uint8Array>,
    { mountFrom }: { mountFrom?: string | undefined } = {},
  ): Promise<boolean> {
    if (await this.hasBlob(endpoint, digest as Digest)) return false;
    let sent = false;
    const done = await patiently(async () => {
      const mounted = mountFrom === undefined ? undefined : await this.#mount(endpoint, digest, mountFrom);
      const begun = mounted ?? (await this.#beginUpload(endpoint));
      if (begun.status !== 202) return begun;
      const url = locationOf(begun, endpoint);
      url.searchParams.set('digest', digest);
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
      sent = true;
      return this.#ask(endpoint, 'pull,push', { method: 'PUT', url, headers, body: read });
    }, this.#signal);
    await this.#expect(done, [201], endpoint, `upload of blob ${digest}`);
    done.body.resume();
    return sent;
  }

  /** distribution-spec, "Mounting a blob from another repository". undefined where that may not be: it has to be uploaded. */
  async #mount(endpoint: Endpoint, digest: string, from: string): Promise<HttpResponse | undefined> {
    try {
      const begun = await this.#beginUpload(endpoint, {
        query: `?mount=${digest}&from=${encodeURIComponent(from)}`,
        from,
      });
      if (begun.status < 400 || begun.status === 429 || begun.status >= 500) return begun;
      begun.body.resume();
    } catch (error) {
      if (!(error instanceof ProaError) || error.kind !== 'denied') throw error;
    }
    return undefined;
  }

  async #beginUpload(
    endpoint: Endpoint,
    { query = '', from }: { query?: string; from?: string } = {},
  ): Promise<HttpResponse> {
    const begun = await this.#ask(endpoint, 'pull,push', {
      method: 'POST',
      path: `blobs/uploads/${query}`,
      alsoPulls: from,
      headers: { 'content-length': '0' },
    });
    if (begun.status === 202) begun.body.resume();
    return begun;
  }

  /** Puts a manifest under a tag or its digest. */
  async pushManifest(endpoint: Endpoint, reference: string, mediaType: string, text: string): Promise<void> {
    const body = Buffer.from(text);
    const response = await this.#ask(endpoint, 'pull,push', {
      method: 'PUT',
      path: `manifests/${reference}`,
      headers: { 'content-type': mediaType, 'content-length': String(body.length) },
      body,
    });
    await this.#expect(response, [200, 201, 202], endpoint, `manifest "${reference}"`);
    response.body.resume();
  }

  /** All tags, from every page. */
  async tags(endpoint: Endpoint): Promise<string[]> {
    const tags: string[] = [];
    let next: { path: string } | { url: URL } | undefined = { path: 'tags/list' };
    while (next) {
      const response: HttpResponse = await this.#ask(endpoint, 'pull', { method: 'GET', ...next });
      await this.#expect(response, [200], endpoint, 'list of tags');
      tags.push(...tagsIn((await readShort(response.body, MANIFEST_LIMIT, 'list of tags')).toString('utf8')));
      const url = nextPage(response);
      next = url && { url };
    }
    return tags;
  }

  /** Manifests whose subject is this one: signatures, attestations. distribution-spec, "Listing Referrers". */
  async referrers(endpoint: Endpoint, digest: Digest, artifactType?: string): Promise<Index> {
    const filter = artifactType ? `?artifactType=${encodeURIComponent(artifactType)}` : '';
    const response = await this.#ask(endpoint, 'pull', { method: 'GET', path: `referrers/${digest}${filter}` });
    if (response.status === 404) {
      response.body.resume();
      // Registries before version 1.1 keep them under a tag.
      const tag = await this.#referrersTag(endpoint, digest);
      const manifests = tag.manifests.filter((entry) => !artifactType || entry.artifactType === artifactType);
      return { ...tag, manifests };
    }
    const index = await this.#referrersIn(response, endpoint, digest);
    const manifests = index.manifests;
    for (let url = nextPage(response); url; ) {
      const page: HttpResponse = await this.#ask(endpoint, 'pull', { method: 'GET', url });
      manifests.push(...(await this.#referrersIn(page, endpoint, digest)).manifests);
      url = nextPage(page);
    }
    // A registry may not know how to choose.
    return { ...index, manifests: manifests.filter((entry) => !artifactType || entry.artifactType === artifactType) };
  }

  async #referrersIn(response: HttpResponse, endpoint: Endpoint, digest: Digest): Promise<Index> {
    await this.#expect(response, [200], endpoint, `referrers of ${digest}`);
    return parseIndex((await readShort(response.body, MANIFEST_LIMIT, 'referrers')).toString('utf8'));
  }

  async #referrersTag(endpoint: Endpoint, digest: Digest): Promise<Index> {
    try {
      return parseIndex((await this.manifest(endpoint, digest.replace(':', '-'))).text);
    } catch (error) {
      if (error instanceof ProaError && error.kind === 'not-found') return { schemaVersion: 2, manifests: [] };
      throw error;
    }
  }

  async deleteManifest(endpoint: Endpoint, reference: string): Promise<void> {
    const response = await this.#ask(endpoint, 'delete', { method: 'DELETE', path: `manifests/${reference}` });
    await this.#expect(response, [200, 202], endpoint, `manifest "${reference}"`);
    response.body.resume();
  }

  #url({ host, path }: Endpoint, rest: string): URL {
    const scheme = this.#plain.has(host) ? 'http' : 'https';
    try {
      return new URL(`${scheme}://${host === 'docker.io' ? 'registry-1.docker.io' : host}/v2/${path}/${rest}`);
    } catch (cause) {
      // What looks like a host name may be no address all the same, such as 999.0.0.1.
      throw new ProaError(`"${host}" is no address of a registry`, { kind: 'invalid', cause });
    }
  }

  /** One request with everything around it: TLS or not, the token that is asked for, what is worth another try. */
  async #ask(
    endpoint: Endpoint,
    action: Action,
    request: Omit<HttpRequest, 'url'> & { alsoPulls?: string | undefined } & ({ path: string } | { url: URL }),
  ): Promise<HttpResponse> {
    await this.#findScheme(endpoint);
    const home = this.#url(endpoint, '');
    const url = 'url' in request ? request.url : this.#url(endpoint, request.path);
    if (home.protocol === 'https:' && url.protocol !== 'https:')
      throw new ProaError(`registry "${endpoint.host}" leads to ${url.origin}: not encrypted`, { kind: 'denied' });
    const also = request.alsoPulls === undefined ? '' : ` repository:${request.alsoPulls}:pull`;
    const scope = `repository:${endpoint.path}:${action}${also}`;
    const key = `${endpoint.host} ${scope}`;
    const send = (authorization: string | undefined) => {
      const headers = { 'user-agent': 'proa', ...request.headers, ...(authorization && { authorization }) };
      const whole = { ...request, url, headers, signal: this.#signal };
      // What belongs to an upload is tried again with a new one.
      const once = typeof request.body === 'function' || request.method === 'POST';
      const options = { insecure: endpoint.insecure };
      return once ? this.#http.send(whole, options) : this.#http.sendPatiently(whole, options);
    };
    // An upload may go to another host, which proves itself what may come: nobody logged in there.
    const atHome = url.origin === home.origin;
    const given = atHome ? this.#answers.get(key) : undefined;
    const response = await this.#reach(endpoint, () => send(given));
    if (response.status !== 401 || !atHome) return response;
    response.body.resume();
    const authorization = await this.#tokens.answer(parseChallenges(response.headers['www-authenticate'] ?? ''), {
      scope,
      credentials: await this.#credentials.for(endpoint.host),
      origin: url,
      refused: given,
    });
    if (authorization === undefined) return response;
    this.#answers.set(key, authorization);
    return this.#reach(endpoint, () => send(authorization));
  }

  async #reach(endpoint: Endpoint, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
    try {
      return await send();
    } catch (cause) {
      if (cause instanceof ProaError) throw cause;
      if (this.#signal?.aborted) throw new ProaError('the transfer was stopped', { kind: 'unavailable', cause });
      throw new ProaError(`cannot reach registry "${endpoint.host}"`, { kind: 'unavailable', cause });
    }
  }

  /** HTTPS first, also where plain HTTP would do. */
  async #findScheme({ host, insecure }: Endpoint): Promise<void> {
    if (!insecure || this.#plain.has(host) || this.#answers.has(`scheme ${host}`)) return;
    try {
      const response = await this.#http.send({ method: 'GET', url: new URL(`https://${host}/v2/`) }, { insecure });
      response.body.resume();
      this.#answers.set(`scheme ${host}`, 'https');
    } catch (error) {
      if (!isLoopback(host) && (error as NodeJS.ErrnoException).code === 'ENOTFOUND') throw error;
      this.#plain.add(host);
    }
  }

  async #expect(response: HttpResponse, statuses: number[], endpoint: Endpoint, what: string): Promise<void> {
    const { status } = response;
    if (statuses.includes(status)) return;
    const place = `${endpoint.host}/${endpoint.path}`;
    const reason = await reasonIn(response);
    const said = `${what} of ${place}: the registry answered ${status}${reason ? ` (${reason})` : ''}`;
    if (status === 404) throw new ProaError(said, { kind: 'not-found', remedy: 'Check name and tag' });
    if (status === 401 || status === 403) {
      throw new ProaError(said, { kind: 'denied', remedy: 'Log in, or check that the account may do this' });
    }
    if (status === 429) {
      throw new ProaError(said, { kind: 'unavailable', remedy: 'The registry limits requests: log in, or wait' });
    }
    throw new ProaError(said, { kind: status >= 500 ? 'unavailable' : 'invalid' });
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}
