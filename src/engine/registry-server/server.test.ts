import assert from 'node:assert/strict';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { digestOf, temporaryStore } from '../images/content/fixture.ts';
import type { ContentStore } from '../images/content/store.ts';
import type { Digest } from '../images/reference/digest.ts';
import { RegistryServer } from './server.ts';

const DAY = 24 * 60 * 60 * 1000;

/** Requests to a server of its own. */
async function serving(store: ContentStore, recentMilliseconds = DAY) {
  const failures: unknown[] = [];
  const server = new RegistryServer({ store, recentMilliseconds, onError: (error) => failures.push(error) });
  const address = await server.listen(0);
  const ask = async (method: string, path: string, body?: string, type = 'application/octet-stream') => {
    const headers = { 'content-type': type };
    const answer = await fetch(`http://${address}/v2/app/${path}`, { method, headers, body: body ?? null });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const upload = async (content: string) => {
    const digest = digestOf(content);
    assert.equal((await ask('POST', `blobs/uploads/?digest=${digest}`, content)).status, 201);
    return digest;
  };
  /** Of one layer; gives the manifest's digest. */
  const image = async (tag: string, layer: string) => {
    const part = async (content: string) => ({ digest: await upload(content), size: content.length });
    const config = { mediaType: mediaTypes.config[0], ...(await part(`{"of":"${layer}"}`)) };
    const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...(await part(layer)) }];
    const mediaType = mediaTypes.manifest[0];
    const text = JSON.stringify({ schemaVersion: 2, mediaType, config, layers });
    assert.equal((await ask('PUT', `manifests/${tag}`, text, mediaType)).status, 201);
    return digestOf(text);
  };
  return { ask, upload, image, failures, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(5);
}

test('deleting a manifest leaves what others have uploaded, or were told to be here, for the time of a push', async () => {
  using place = await temporaryStore();
  await using server = await serving(place.store);
  const uploaded = await server.upload('fresh');
  const old = digestOf('old');
  await place.store.blobs.put(old, 'old');
  const mounted = digestOf('mounted');
  await place.store.blobs.put(mounted, 'mounted');
  assert.equal((await server.ask('HEAD', `blobs/${old}`)).status, 200);
  assert.equal((await server.ask('POST', `blobs/uploads/?mount=${mounted}&from=other`)).status, 201);
  const forgotten = digestOf('forgotten');
  await place.store.blobs.put(forgotten, 'forgotten');
  const manifest = await server.image('1', 'a layer');
  assert.equal((await server.ask('DELETE', `manifests/${manifest}`)).status, 202);
  for (const digest of [uploaded, old, mounted]) assert.ok(await place.store.blobs.has(digest), digest);
  for (const digest of [forgotten, manifest]) assert.equal(await place.store.blobs.has(digest), false);
  assert.deepEqual(server.failures, []);
});

test('what no manifest names goes when the time of a push is over', async () => {
  using place = await temporaryStore();
  await using server = await serving(place.store, 1000);
  const manifest = await server.image('1', 'named');
  await server.upload('fresh');
  const lasting = await server.upload('asked for again');
  await sleep(600);
  assert.equal((await server.ask('HEAD', `blobs/${lasting}`)).status, 200);
  await until(async () => !(await place.store.blobs.has(digestOf('fresh'))));
  assert.ok(await place.store.blobs.has(lasting));
  await until(async () => !(await place.store.blobs.has(lasting)));
  for (const digest of [manifest, digestOf('named')]) assert.ok(await place.store.blobs.has(digest as Digest));
  assert.equal((await place.store.blobs.list()).length, 3);
  assert.deepEqual(server.failures, []);
});

test('an upload whose bytes are written in parts, or of which a piece failed, is what its digest says', async () => {
  using place = await temporaryStore();
  await using server = await serving(place.store);
  const content = 'a piece that is taken little by little';
  const digest = digestOf(content);
  const location = (await server.ask('POST', 'blobs/uploads/')).headers.get('location') ?? '';
  const id = location.replace('/v2/app/', '');
  const file = await open(join(place.store.root, 'oci-layout'), 'r');
  // Every handle has the same prototype: a disk that is nearly full takes a part, and then nothing.
  const prototype = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  const write = prototype.write as (...of: unknown[]) => Promise<{ bytesWritten: number }>;
  let left = 12;
  prototype.write = function (this: FileHandle, bytes: Uint8Array, from = 0, length = bytes.length, at?: number) {
    if (left === 0) return Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    const taken = Math.min(5, length, left);
    left -= taken;
    return write.call(this, bytes, from, taken, at);
  } as FileHandle['write'];
  try {
    assert.equal((await server.ask('PATCH', id, content)).status, 500);
    assert.equal(server.failures.length, 1);
    left = Number.POSITIVE_INFINITY;
    assert.equal((await server.ask('PUT', `${id}?digest=${digest}`, content)).status, 201);
  } finally {
    prototype.write = write as FileHandle['write'];
  }
  assert.equal(await place.store.blobs.readDocument(digest), content);
});

test('a digest of an algorithm that is not known, and a number of tags that is none, are the fault of who asks', async () => {
  using place = await temporaryStore();
  await using server = await serving(place.store);
  await server.image('1', 'one');
  await server.image('2', 'two');
  const unknown = await server.ask('PUT', `manifests/foo:${'a'.repeat(32)}`, '{}', mediaTypes.manifest[0]);
  assert.equal(unknown.status, 400);
  assert.match(unknown.text, /DIGEST_INVALID.*algorithm is not known/);
  assert.equal((await server.ask('PUT', 'manifests/foo:aaa', '{}', mediaTypes.manifest[0])).status, 400);
  for (const wrong of ['abc', '-1', '1.5', '']) {
    const answer = await server.ask('GET', `tags/list?n=${wrong}`);
    assert.equal(answer.status, 400, wrong);
    assert.match(answer.text, /PAGINATION_NUMBER_INVALID.*expected a number of tags/);
  }
  for (const [n, tags] of [
    ['0', []],
    ['1', ['1']],
    ['9', ['1', '2']],
  ] as const)
    assert.deepEqual(JSON.parse((await server.ask('GET', `tags/list?n=${n}`)).text).tags, tags);
  assert.deepEqual(server.failures, []);
});
