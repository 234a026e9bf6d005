import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../content/fixture.ts';
import { World } from '../transfer/fixture.ts';
import { RegistryClient } from './client.ts';
import { CredentialFile } from './credentials.ts';

const content = randomBytes(6_000_000);
const blob = { digest: digestOf(content), size: content.length };

/** Content in pieces, of which it is known how many readers have it open. */
function source() {
  const count = { opened: 0, open: 0 };
  const read = async function* () {
    count.opened++;
    count.open++;
    try {
      for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    } finally {
      count.open--;
    }
  };
  return { count, read };
}

/** Pushes to a registry before which somebody answers the first blobs, until they say `false`. */
async function push(answer: (count: number, request: IncomingMessage, response: ServerResponse) => boolean) {
  await using world = new World();
  const { host, store } = await world.registry();
  const asked: string[] = [];
  let puts = 0;
  const proxy = await world.proxy(host, (request, response) => {
    asked.push(request.method ?? '');
    return request.method === 'PUT' && answer(++puts, request, response);
  });
  const { count, read } = source();
  const endpoint = { host: proxy, path: 'app', insecure: true, digestOnly: false };
  let failure: unknown;
  try {
    await world.client.pushBlob(endpoint, blob, read);
  } catch (error) {
    failure = error;
  }
  for (let tries = 0; count.open > 0 && tries < 100; tries++) await sleep(10);
  return {
    asked: asked.filter((method) => method !== 'GET'),
    count,
    failure,
    kept: await store.blobs.size(blob.digest),
  };
}

test('a blob is uploaded anew, after a new beginning, where the first try was cut or the registry busy', async () => {
  const ways: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    'cut at once': (request) => void request.socket.destroy(),
    'cut in between': (request) => void request.once('data', () => request.socket.destroy()),
    busy: (_request, response) => void response.writeHead(503).end(),
  };
  for (const [way, answer] of Object.entries(ways)) {
    const done = await push((count, request, response) => {
      if (count === 1) answer(request, response);
      return count === 1;
    });
    const asked = ['HEAD', 'POST', 'PUT', 'POST', 'PUT'];
    assert.deepEqual(done, { asked, count: { opened: 2, open: 0 }, failure: undefined, kept: blob.size }, way);
  }
});

test('a refusal that comes early ends the upload and closes what it was read from', async () => {
  const { asked, count, failure } = await push((_count, _request, response) => {
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"DENIED","message":"not you"}]}');
    return true;
  });
  assert.match(String(failure), /answered 403 \(DENIED: not you\)/);
  assert.deepEqual([asked, count], [['HEAD', 'POST', 'PUT'], { opened: 1, open: 0 }]);
});

test('what the content is read from may fail: that ends the upload, and is what is told', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const read = async function* () {
    yield content.subarray(0, 100_000);
    throw new Error('the disk is broken');
  };
  const endpoint = { host, path: 'app', insecure: true, digestOnly: false };
  const failed = await world.client.pushBlob(endpoint, blob, read).catch((error) => error);
  assert.match(String(failed.cause ?? failed), /the disk is broken/);
  assert.equal(await store.blobs.has(blob.digest), false);
});

test('a token that expires before the content is sent is replaced, and the content read anew', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  let tokens = 0;
  const proxy = await world.proxy(host, ({ method, url, headers }, response) => {
    if (url?.startsWith('/token')) {
      response.end(JSON.stringify({ token: `t${++tokens}`, expires_in: 300 }));
      return true;
    }
    const isValid = headers.authorization === `Bearer t${tokens}` && (method !== 'PUT' || tokens > 2);
    if (isValid) return false;
    const challenge = `Bearer realm="http://${headers.host}/token",scope="repository:app:pull,push"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
  using client = new RegistryClient({ credentials: new CredentialFile({}) });
  const { count, read } = source();
  tokens = 1;
  assert.equal(
    await client.pushBlob({ host: proxy, path: 'app', insecure: true, digestOnly: false }, blob, read),
    true,
  );
  assert.equal(tokens, 3);
  assert.deepEqual(count, { opened: 2, open: 0 });
  assert.equal(await store.blobs.size(blob.digest), blob.size);
});
