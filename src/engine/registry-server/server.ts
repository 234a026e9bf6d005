import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { describe } from '#common/errors.ts';
import type { ContentStore } from '../images/content/store.ts';
import { checkDigest, type Digest, isDigest, isVerifiable, partsOf } from '../images/reference/digest.ts';
import { readShort } from '../images/registry/http.ts';
import { answerEmpty, answerJson, answerRefusal, Refusal } from './answer.ts';
import { RecentBlobs } from './recent.ts';
import { Repositories } from './repositories.ts';
import { Uploads } from './uploads.ts';

const MANIFEST_LIMIT = 4 << 20;
const NAME = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

export interface RegistryServerOptions {
  store: ContentStore;
  /** Told of requests that failed for a reason of ours. */
  onError?(error: unknown): void;
  /** How long a blob is kept that no manifest names: an hour. */
  recentMilliseconds?: number;
}

/**
 * A registry over a content store: distribution-spec v1.1, push and pull, ranges, mounts, tags, referrers, deletion. No
 * accounts: it is for tests, for hosts without a network and for two machines on a desk.
 */
export class RegistryServer implements AsyncDisposable {
  readonly #store: ContentStore;
  readonly #repositories: Repositories;
  readonly #recent: RecentBlobs;
  readonly #uploads: Uploads;
  readonly #server: Server;

  constructor({ store, onError = () => {}, recentMilliseconds = 60 * 60 * 1000 }: RegistryServerOptions) {
    this.#store = store;
    this.#repositories = new Repositories(store);
    this.#recent = new RecentBlobs({ store, milliseconds: recentMilliseconds, onError });
    this.#uploads = new Uploads(store, this.#recent);
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        if (!(error instanceof Refusal)) onError(error);
        refuse(request, response, error);
      });
    });
    // A body may take as long as it wants; only silence ends it.
    this.#server.requestTimeout = 0;
  }

  /** Listens; port 0 takes any. Answers `HOST:PORT`. */
  async listen(port: number, host = '127.0.0.1'): Promise<string> {
    await new Promise<void>((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(port, host, listening);
    });
    const address = this.#server.address() as AddressInfo;
    return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry');
    const method = request.method ?? 'GET';
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    if (/^\/v2\/?$/.test(url.pathname)) return answerJson(response, 200, {});
    if (url.pathname === '/v2/_catalog') return answerJson(response, 200, { repositories: this.#repositories.list() });
    const match = /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags|referrers)(?:\/([^/]*))?$/.exec(url.pathname);
    if (!match) throw new Refusal(404, 'UNSUPPORTED', `nothing is served at ${url.pathname}`);
    const [, repository = '', kind = '', rest = ''] = match;
    if (!NAME.test(repository)) throw new Refusal(400, 'NAME_INVALID', `"${repository}" is no repository`);
    const call = { request, response, url, repository, rest };
    const handler = this.#handlers[`${method === 'HEAD' ? 'GET' : method} ${kind}`];
    if (!handler) throw new Refusal(405, 'UNSUPPORTED', `${method} is not served at ${url.pathname}`);
    return handler(call);
  }

  readonly #handlers: Record<string, (call: Call) => Promise<void> | void> = {
    'GET blobs': (call) => this.#getBlob(call),
    'DELETE blobs': async ({ response, rest }) => {
      const digest = await this.#blob(rest);
      // What a manifest needs stays: it goes with the manifest.
      if ((await this.#store.reachable()).has(digest))
        throw new Refusal(405, 'UNSUPPORTED', 'a manifest needs this blob: delete the manifest');
      await this.#store.blobs.remove(digest);
      answerEmpty(response, 202);
    },
    'POST blobs/uploads': (call) => this.#beginUpload(call),
    'GET blobs/uploads': ({ response, repository, rest }) => {
      answerEmpty(response, 204, uploadHeaders(repository, rest, this.#uploads.offset(rest)));
    },
    'PATCH blobs/uploads': async ({ request, response, repository, rest }) => {
      const offset = await this.#uploads.append(rest, request, request.headers['content-range']);
      answerEmpty(response, 202, uploadHeaders(repository, rest, offset));
    },
    'PUT blobs/uploads': (call) => this.#finishUpload(call, call.rest),
    'DELETE blobs/uploads': async ({ response, rest }) => {
      this.#uploads.offset(rest);
      await this.#uploads.cancel(rest);
      answerEmpty(response, 204);
    },
    'GET manifests': async ({ request, response, repository, rest }) => {
      const { mediaType, digest } = this.#repositories.find(repository, rest);
      const body = Buffer.from(await this.#store.blobs.readDocument(digest as Digest));
      const headers = { 'content-type': mediaType, 'content-length': body.length, 'docker-content-digest': digest };
      response.writeHead(200, { ...headers, etag: `"${digest}"` });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
    'PUT manifests': (call) => this.#putManifest(call),
    'DELETE manifests': async ({ response, repository, rest }) => {
      await this.#repositories.remove(repository, rest);
      answerEmpty(response, 202);
    },
    'GET tags': ({ response, url, repository, rest }) => {
      if (rest !== 'list') throw new Refusal(404, 'UNSUPPORTED', `nothing is served at ${url.pathname}`);
      const last = url.searchParams.get('last');
      const limit = limitOf(url.searchParams.get('n'));
      const all = this.#repositories.tags(repository).filter((tag) => last === null || tag > last);
      const tags = all.slice(0, limit);
      const more = tags.length < all.length && tags.length > 0;
      const link = `</v2/${repository}/tags/list?n=${limit}&last=${tags.at(-1)}>; rel="next"`;
      answerJson(response, 200, { name: repository, tags }, more ? { link } : {});
    },
    'GET referrers': async ({ response, url, repository, rest }) => {
      if (!isDigest(rest)) throw new Refusal(400, 'DIGEST_INVALID', `"${rest}" is no digest`);
      const artifactType = url.searchParams.get('artifactType') ?? undefined;
      const index = await this.#repositories.referrers(repository, rest, artifactType);
      const filtered = artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
      answerJson(response, 200, index, { 'content-type': index.mediaType, ...filtered });
    },
  };

  async #blob(text: string): Promise<Digest> {
    if (!isDigest(text)) throw new Refusal(400, 'DIGEST_INVALID', `"${text}" is no digest`);
    if (!(await this.#isHere(text))) throw new Refusal(404, 'BLOB_UNKNOWN', `no blob ${text}`);
    return text;
  }

  /** Who hears that a blob is here need not bring it: it stays until there was time for a manifest. */
  async #isHere(digest: Digest): Promise<boolean> {
    using lease = this.#store.lease();
    lease.hold(digest);
    const isHere = await this.#store.blobs.has(digest);
    if (isHere) this.#recent.hold(digest);
    return isHere;
  }

  async #getBlob({ request, response, rest }: Call): Promise<void> {
    const digest = await this.#blob(rest);
    const size = (await this.#store.blobs.size(digest)) as number;
    const headers = {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
    };
    const range = rangeOf(request.headers.range, size);
    if (range === 'outside') return answerEmpty(response, 416, { 'content-range': `bytes */${size}` });
    const { start, end } = range ?? { start: 0, end: size - 1 };
    const partial = range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {};
    response.writeHead(range ? 206 : 200, { ...headers, ...partial, 'content-length': end - start + 1 });
    if (request.method === 'HEAD' || size === 0) return void response.end();
    try {
      await pipeline(
        createReadStream(this.#store.blobs.path(digest), { start, end, highWaterMark: 1 << 18 }),
        response,
      );
    } catch (error) {
      // The other side has heard enough.
      if (!response.destroyed && !response.writableEnded) throw error;
    }
  }

  async #beginUpload(call: Call): Promise<void> {
    const { response, url, repository } = call;
    const mount = url.searchParams.get('mount');
    if (mount !== null && isDigest(mount) && (await this.#isHere(mount))) {
      answerEmpty(response, 201, blobHeaders(repository, mount));
      return;
    }
    const id = await this.#uploads.begin();
    // All of it may come with the first request.
    if (url.searchParams.has('digest')) return this.#finishUpload(call, id);
    answerEmpty(response, 202, uploadHeaders(repository, id, 0));
  }

  async #finishUpload({ request, response, url, repository }: Call, id: string): Promise<void> {
    await this.#uploads.append(id, request, request.headers['content-range']);
    const digest = await this.#uploads.finish(id, url.searchParams.get('digest') ?? undefined);
    answerEmpty(response, 201, blobHeaders(repository, digest));
  }

  async #putManifest({ request, response, repository, rest }: Call): Promise<void> {
    if (!isDigest(rest) && !TAG.test(rest)) throw new Refusal(400, 'MANIFEST_INVALID', `"${rest}" is no tag`);
    if (isDigest(rest) && !isVerifiable(rest))
      throw new Refusal(400, 'DIGEST_INVALID', `"${rest}" cannot be verified: its algorithm is not known here`);
    const body = await readShort(request, MANIFEST_LIMIT, 'manifest');
    const { algorithm } = isDigest(rest) ? partsOf(rest) : { algorithm: 'sha256' };
    const digest = checkDigest(`${algorithm}:${createHash(algorithm).update(body).digest('hex')}`, 'digest');
    const mediaType = request.headers['content-type']?.split(';')[0]?.trim() ?? '';
    const { subject } = await this.#repositories.put(repository, rest, {
      mediaType,
      digest,
      text: body.toString('utf8'),
    });
    const headers = { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest };
    answerEmpty(response, 201, subject ? { ...headers, 'oci-subject': subject.digest } : headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
    await this.#uploads[Symbol.asyncDispose]();
    this.#recent[Symbol.dispose]();
  }
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  repository: string;
  /** What follows the kind of resource in the path. */
  rest: string;
}

function uploadHeaders(repository: string, id: string, offset: number) {
  const location = `/v2/${repository}/blobs/uploads/${id}`;
  return { location, range: `0-${Math.max(0, offset - 1)}`, 'docker-upload-uuid': id };
}

function blobHeaders(repository: string, digest: string) {
  return { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest };
}

function limitOf(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (/^\d+$/.test(text)) return Number(text);
  throw new Refusal(400, 'PAGINATION_NUMBER_INVALID', `n: expected a number of tags, got "${text}"`);
}

/** One range of bytes; undefined for none or for what may be ignored. RFC 9110, 14.2. */
export function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'outside' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, from = '', to = ''] = match;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start >= size || start > end ? 'outside' : { start, end };
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  // What the sender still sends would be taken for its next request.
  if (!request.complete) response.setHeader('connection', 'close');
  if (response.headersSent) response.destroy();
  else if (error instanceof Refusal) answerRefusal(response, error);
  else answerJson(response, 500, { errors: [{ code: 'UNKNOWN', message: describe(error) }] });
}
