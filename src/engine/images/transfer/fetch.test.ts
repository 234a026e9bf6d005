import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Descriptor } from '#common/image-spec/types.ts';
import { checkStore } from '../content/check.ts';
import { put } from '../content/fixture.ts';
import type { ContentStore } from '../content/store.ts';
import type { Digest } from '../reference/digest.ts';
import { RegistryClient } from '../registry/client.ts';
import { CredentialFile } from '../registry/credentials.ts';
import { fetchBlob } from './fetch.ts';
import { World } from './fixture.ts';

const SIZE = 4_000_000;

/** A blob in a registry that is slow, and a store that shall have it. */
async function slowBlob(world: World, options: { cutAfter?: number } = {}) {
  const { host, store } = await world.registry();
  const blob = await put(store, 'application/octet-stream', randomBytes(SIZE));
  const proxy = await world.slowProxy(host, options);
  const to = await world.store();
  const endpoints = [{ host: proxy.host, path: 'app', insecure: true, digestOnly: false }];
  /** What who follows the blob was told, and what happened. */
  const fetch = async (client = world.client, signal?: AbortSignal) => {
    const told: string[] = [];
    const follower = {
      grown: (bytes: number, path: string) => told.push(`grown ${statSync(path).size >= bytes}`),
      verified: (path: string) => told.push(`verified ${readFileSync(path).length}`),
      lost: () => told.push('lost'),
    };
    const onEvent = ({ phase }: { phase: string }) => told.push(phase);
    await fetchBlob(blob, { client, store: to, endpoints, onEvent, follower, signal });
    return told;
  };
  return { blob, to, fetch, sent: proxy.sent, content: readFileSync(store.blobs.path(blob.digest as Digest)) };
}

async function assertWhole(store: ContentStore, { digest }: Descriptor, content: Buffer): Promise<void> {
  assert.deepEqual(readFileSync(store.blobs.path(digest as Digest)), content);
  assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
  assert.deepEqual(
    (await checkStore(store)).filter(({ what }) => what !== 'unreferenced'),
    [],
  );
}

for (const cutAfter of [Number.POSITIVE_INFINITY, 1_500_000]) {
  test(`a blob that several want at once is fetched once, ${cutAfter < SIZE ? 'also when it is cut' : 'slowly'}`, async () => {
    await using world = new World();
    const { blob, to, fetch, sent, content } = await slowBlob(world, { cutAfter });
    const told = await Promise.all([fetch(), fetch(), fetch(), fetch()]);
    await assertWhole(to, blob, content);
    assert.ok(sent() < SIZE * 1.3, `${sent()} bytes were sent`);
    assert.deepEqual(told.map((words) => words.includes('done')).sort(), [false, false, false, true]);
    for (const words of told) {
      assert.ok(words.includes(`verified ${SIZE}`));
      assert.ok(!words.includes('grown false') && !words.includes('lost'));
    }
  });
}

test('who waits for a blob goes on when the first is aborted, and ends when aborted itself', async () => {
  await using world = new World();
  const { blob, to, fetch, sent, content } = await slowBlob(world);
  const [first, waiting] = [new AbortController(), new AbortController()];
  using client = new RegistryClient({ credentials: new CredentialFile({}), signal: first.signal });
  const ended = assert.rejects(fetch(client, first.signal), /abort/i);
  while (sent() < SIZE / 4) await sleep(1);
  const aborted = assert.rejects(fetch(world.client, waiting.signal), /abort/i);
  const third = fetch();
  await sleep(5);
  waiting.abort();
  await aborted;
  assert.ok(sent() < SIZE, 'it ends while the first still fetches');
  first.abort();
  await ended;
  const words = await third;
  assert.ok(words.includes('done') && words.includes(`verified ${SIZE}`));
  await assertWhole(to, blob, content);
  // What the first had brought was not fetched again.
  assert.ok(sent() < SIZE * 1.3, `${sent()} bytes were sent`);
});

test('who waits for a blob gets it from elsewhere when the first fails', async () => {
  await using world = new World();
  const { blob, to, fetch, sent, content } = await slowBlob(world);
  let answer: (() => void) | undefined;
  const wrong = await world.proxy('127.0.0.1:1', (_request, response) => {
    response.writeHead(200, { 'content-length': SIZE });
    answer = () => response.end(randomBytes(SIZE));
    return true;
  });
  const endpoints = [{ host: wrong, path: 'app', insecure: true, digestOnly: false }];
  const failing = fetchBlob(blob, { client: world.client, store: to, endpoints, onEvent: () => {} });
  const refused = assert.rejects(failing, /does not match its digest/);
  while (!answer) await Promise.race([sleep(1), failing]);
  const second = fetch();
  answer();
  await refused;
  assert.ok((await second).includes('done'));
  assert.ok(sent() >= SIZE);
  await assertWhole(to, blob, content);
});

test('a blob that is received while it is fetched harms neither', async () => {
  await using world = new World();
  const { blob, to, fetch, content, sent } = await slowBlob(world, { cutAfter: 1_500_000 });
  const fetching = fetch();
  while (sent() < SIZE / 4) await sleep(1);
  const { digest, size } = blob;
  const receive = () => to.blobs.receive({ digest: digest as Digest, size }, Readable.from([content]));
  assert.deepEqual(await Promise.all([receive(), receive()]), [true, true]);
  assert.equal(await receive(), false);
  assert.deepEqual((await fetch()).at(0), 'exists');
  assert.ok((await fetching).includes('done'));
  await assertWhole(to, blob, content);
});
