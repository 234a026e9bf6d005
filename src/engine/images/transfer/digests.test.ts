import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import { put, putImage } from '../content/fixture.ts';
import type { ContentStore } from '../content/store.ts';
import { LayerStore } from '../layers/store.ts';
import { ImageLibrary } from '../library/images.ts';
import type { Digest } from '../reference/digest.ts';
import { parseReference } from '../reference/parse.ts';
import { RegistryRules } from '../registry/hosts.ts';
import { putRandom, World } from './fixture.ts';
import { pullImage } from './pull.ts';

const rules = RegistryRules.none;

/** The same manifest by a digest of another algorithm. */
async function alsoBy(algorithm: string, store: ContentStore, { digest, ...rest }: Descriptor): Promise<Descriptor> {
  const text = await store.blobs.readDocument(digest as Digest);
  const other: Digest = `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;
  await store.blobs.put(other, text);
  return { ...rest, digest: other };
}

test('a manifest is verified by the digest that it was asked for by, whatever the algorithm', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const manifest = JSON.parse(await store.blobs.readDocument((await putRandom(store, 'amd64')).digest as Digest));
  const proxy = await world.proxy(host, (request, response) => {
    if (!request.url?.includes('/manifests/')) return false;
    response.writeHead(200, { 'content-type': mediaTypes.manifest[0] }).end(JSON.stringify(manifest));
    return true;
  });
  const to = await world.store();
  const pull = (digest: string) =>
    pullImage(parseReference(`${proxy}/app@${digest}`), { client: world.client, store: to, rules });
  for (const [algorithm, length] of Object.entries({ sha256: 64, sha384: 96, sha512: 128 }))
    await assert.rejects(pull(`${algorithm}:${'a'.repeat(length)}`), /does not match its digest: expected sha/);
  const unknown = { kind: 'unsupported', message: /the algorithm "blake3" is not known here/ };
  await assert.rejects(pull(`blake3:${'a'.repeat(64)}`), unknown);
  assert.deepEqual(await to.blobs.list(), []);
});

test('what a registry says to be the digest of a tag must be it', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await alsoBy('sha512', store, await putRandom(store, 'amd64'));
  const text = await store.blobs.readDocument(image.digest as Digest);
  let said = image.digest;
  const proxy = await world.proxy(host, (_request, response) => {
    const headers = { 'content-type': image.mediaType, 'docker-content-digest': said };
    response.writeHead(200, headers).end(text);
    return true;
  });
  const fetch = () => world.client.manifest({ host: proxy, path: 'app', insecure: true, digestOnly: false }, '1');
  assert.deepEqual((await fetch()).descriptor, image);
  said = `sha384:${'a'.repeat(96)}`;
  await assert.rejects(fetch(), /does not match its digest: expected sha384/);
  said = `blake3:${'a'.repeat(64)}`;
  await assert.rejects(fetch(), /the algorithm "blake3" is not known here/);
  said = 'none';
  await assert.rejects(fetch(), /expected a digest such as sha256/);
});

test('an image that its index names by sha512 is there after the pull', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const platform = { os: 'linux', architecture: 'amd64' };
  const manifest = { ...(await alsoBy('sha512', store, await putRandom(store, 'amd64'))), platform };
  const mediaType = mediaTypes.index[0];
  await store.names.set('app:1', await put(store, mediaType, { schemaVersion: 2, mediaType, manifests: [manifest] }));
  // The registry of the fixture knows what belongs to a repository by its names.
  await store.names.set(`app@${manifest.digest}`, manifest);
  const to = await world.store();
  const pulled = await pullImage(parseReference(`${host}/app:1`), {
    client: world.client,
    store: to,
    rules,
    platform,
  });
  assert.deepEqual(pulled.manifest, manifest);
  await to.collect();
  assert.equal((await new ImageLibrary(to, { platform }).find(`${host}/app:1`)).manifest.digest, manifest.digest);
});

test('a diff_id that cannot be verified is refused by name before a layer is fetched', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const rootfs = { type: 'layers', diff_ids: [`sha512:${'a'.repeat(128)}`] };
  await store.names.set('app:1', await putImage(store, [randomBytes(100)], { rootfs }));
  const asked: string[] = [];
  const proxy = await world.proxy(host, ({ url = '' }) => {
    if (url.includes('/blobs/')) asked.push(url);
    return false;
  });
  const to = await world.store();
  await using layers = await LayerStore.open(world.directory(), { program: '/nonexistent' });
  const pull = pullImage(parseReference(`${proxy}/app:1`), { client: world.client, store: to, rules, layers });
  const refused = { kind: 'unsupported', message: /layer sha512:a+: the algorithm "sha512" is not known for diff_ids/ };
  await assert.rejects(pull, refused);
  assert.equal(asked.length, 1);
  assert.deepEqual(to.names.list(), []);
});
