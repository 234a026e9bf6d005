import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { RegistryServer } from '../../registry-server/server.ts';
import { put, putImage } from '../content/fixture.ts';
import { ContentStore } from '../content/store.ts';
import { RegistryClient } from '../registry/client.ts';
import { CredentialFile } from '../registry/credentials.ts';

/** For tests: registries, what stands before them, and images to send. */

export const putRandom = (store: ContentStore, architecture: string, size = 1000): Promise<Descriptor> =>
  putImage(store, [randomBytes(size), randomBytes(77)], { architecture, compression: 'gzip' });

/** A store, and when asked for a registry over another, all gone at the end. */
export class World implements AsyncDisposable {
  readonly #directories: string[] = [];
  readonly #open: (Disposable | AsyncDisposable)[] = [];
  readonly client = this.#keep(new RegistryClient({ credentials: new CredentialFile({}) }));

  #keep<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.#open.unshift(thing);
    return thing;
  }

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'proa-transfer-'));
    this.#directories.push(path);
    return path;
  }

  async store(): Promise<ContentStore> {
    return this.#keep(await ContentStore.open(this.directory()));
  }

  async registry(): Promise<{ host: string; store: ContentStore }> {
    const store = await this.store();
    const errors: unknown[] = [];
    const server = this.#keep(new RegistryServer({ store, onError: (error) => errors.push(error) }));
    return { host: await server.listen(0), store };
  }

  /** Stands before a registry; `interfere` answers by itself, or lets a request through. */
  async proxy(
    host: string,
    interfere: (request: IncomingMessage, response: ServerResponse) => boolean,
  ): Promise<string> {
    const server: Server = createServer((request, response) => {
      if (interfere(request, response)) return;
      const { method, url, headers } = request;
      const [name, port] = host.split(':');
      const onward = httpRequest({ host: name, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    this.#keep({
      [Symbol.dispose]() {
        server.closeAllConnections();
        server.close();
      },
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** The same for blobs that take their time: `cutAfter` bytes of a large one each connection ends. */
  async slowProxy(
    host: string,
    { cutAfter = Number.POSITIVE_INFINITY } = {},
  ): Promise<{ host: string; sent(): number }> {
    let sent = 0;
    const [name, port] = host.split(':');
    const pass = async (answer: IncomingMessage, response: ServerResponse) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      let passed = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        if (response.destroyed) return;
        passed += chunk.length;
        sent += chunk.length;
        response.write(chunk);
        await sleep(2);
        if (passed >= cutAfter) return response.destroy();
      }
      response.end();
    };
    const proxy = await this.proxy(host, ({ method, url, headers }, response) => {
      if (method !== 'GET' || !url?.includes('/blobs/')) return false;
      httpRequest({ host: name, port, method, path: url, headers }, (answer) => {
        // Who asked may be gone, and with it the connection.
        pass(answer, response).catch(() => response.destroy());
      }).end();
      return true;
    });
    return { host: proxy, sent: () => sent };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#open)
      await (Symbol.asyncDispose in thing ? thing[Symbol.asyncDispose]() : thing[Symbol.dispose]());
    for (const path of this.#directories) rmSync(path, { recursive: true, force: true });
  }
}

/** An index of two platforms, and its manifests. */
export async function putIndex(store: ContentStore): Promise<{ index: Descriptor; manifests: Descriptor[] }> {
  const manifests = await Promise.all(
    ['amd64', 'arm64'].map(async (architecture) => ({
      ...(await putRandom(store, architecture)),
      platform: { os: 'linux', architecture },
    })),
  );
  const mediaType = mediaTypes.index[0];
  return { index: await put(store, mediaType, { schemaVersion: 2, mediaType, manifests }), manifests };
}
