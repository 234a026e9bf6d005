import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { Digest } from '../reference/digest.ts';
import { checkStore, checkStoreAt } from './check.ts';
import { digestOf, put, putImage, temporaryDirectory } from './fixture.ts';
import { ContentStore } from './store.ts';

const putWord = (store: ContentStore, word: string): Promise<Descriptor> => putImage(store, [`layer of ${word}`]);

test('checkStore() finds what is corrupt, missing, unreferenced and partial, and mends it', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const good = await putWord(store, 'good');
  await store.names.set('good:1', good);
  const bad = await putWord(store, 'bad');
  await store.names.set('bad:1', bad);
  const layer = digestOf('layer of bad');
  writeFileSync(store.blobs.path(layer), 'a bit flipped');
  await put(store, 'text/plain', 'nobody needs this');
  {
    using claim = await store.blobs.claim(digestOf('x'.repeat(9)));
    await using writer = await claim?.write(9);
    await writer?.write([Buffer.from('xxx')]);
  }
  const kinds = (await checkStore(store)).map(({ what }) => what).sort();
  assert.deepEqual(kinds, ['corrupt', 'partial', 'unreferenced']);
  assert.ok(existsSync(store.blobs.path(layer)));
  const mended = await checkStore(store, { repair: true });
  assert.ok(mended.every((finding) => finding.mended));
  assert.ok(mended.some(({ what, name }) => what === 'missing' && name === 'bad:1'));
  assert.deepEqual(await checkStore(store), []);
  assert.equal(store.names.get('good:1')?.digest, good.digest);
  assert.equal(store.names.get('bad:1'), undefined);
});

test('checkStore() finds what lies among the content and is none, and nothing else stumbles over it', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  await store.names.set('good:1', await putWord(store, 'good'));
  const directory = digestOf('a directory');
  const strangers = ['blobs/file', 'blobs/sha256/junk', `blobs/${directory.replace(':', '/')}`];
  writeFileSync(join(place.path, strangers[0] as string), 'x');
  writeFileSync(join(place.path, strangers[1] as string), 'x');
  mkdirSync(join(place.path, strangers[2] as string));
  await store.collect();
  assert.equal(await store.blobs.has(directory), false);
  const found = (repair: boolean) => checkStore(store, { repair });
  const expected = (mended: boolean) => strangers.map((digest) => ({ what: 'stranger', digest, mended }));
  const sorted = async (repair: boolean) => (await found(repair)).sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const order = (mended: boolean) => expected(mended).sort((a, b) => (a.digest < b.digest ? -1 : 1));
  assert.deepEqual(await sorted(false), order(false));
  assert.deepEqual(await sorted(true), order(true));
  assert.deepEqual(await found(false), []);
  await store.blobs.put(directory, 'a directory');
});

test('checkStore() takes nothing for lost while a manifest cannot be read', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const image = await putWord(store, 'good');
  await store.names.set('good:1', image);
  writeFileSync(store.blobs.path(image.digest as Digest), '{');
  const kinds = (await checkStore(store)).map(({ what }) => what).sort();
  assert.deepEqual(kinds, ['corrupt', 'unreadable']);
  await checkStore(store, { repair: true });
  assert.deepEqual(await store.blobs.list(), []);
});

test('checkStoreAt() finds images again whose names cannot be read, and keeps what could not', async () => {
  using place = temporaryDirectory();
  const index = join(place.path, 'index.json');
  let [image, other]: (Descriptor | undefined)[] = [];
  {
    using store = await ContentStore.open(place.path);
    const part = await putWord(store, 'part');
    other = await putWord(store, 'other');
    const manifests = [{ ...part, platform: { os: 'linux', architecture: 'amd64' } }];
    image = await put(store, mediaTypes.index[0], { schemaVersion: 2, manifests });
    await store.names.set('image:1', image);
    await store.names.set('other:1', other);
    await put(store, 'text/plain', '{ "layers": "of nothing" }');
    writeFileSync(store.blobs.ownFile('take'), 'of a process that was killed');
  }
  const cut = readFileSync(index, 'utf8').slice(0, 100);
  writeFileSync(index, cut);
  await assert.rejects(ContentStore.open(place.path), /the names of images in ".*index.json" cannot be read/);
  const [seen, ...more] = await checkStoreAt(place.path);
  assert.deepEqual([seen?.what, seen?.digest, seen?.mended, more], ['unreadable', 'index.json', false, []]);
  assert.equal(readFileSync(index, 'utf8'), cut);
  const mended = await checkStoreAt(place.path, { repair: true });
  assert.deepEqual(
    mended.map(({ what, mended }) => [what, mended]),
    [
      ['unreadable', true],
      ['unreferenced', true],
    ],
  );
  const kept = readdirSync(place.path).find((name) => name.startsWith('index.json.broken-')) ?? '';
  assert.equal(readFileSync(join(place.path, kept), 'utf8'), cut);
  assert.match(mended[0]?.detail ?? '', new RegExp(kept));
  using store = await ContentStore.open(place.path);
  const digests = store.names.list().map(({ name, descriptor }) => [name, descriptor.digest]);
  assert.deepEqual(
    digests.sort(),
    [
      [undefined, image.digest],
      [undefined, other.digest],
    ].sort(),
  );
  assert.equal((await store.reachable()).size, 1 + 3 + 3);
  assert.deepEqual(await checkStore(store), []);
});

test('checkStoreAt() gives the store back, and leaves one that is in use alone', async () => {
  using place = temporaryDirectory();
  assert.deepEqual(await checkStoreAt(place.path), []);
  using _store = await ContentStore.open(place.path);
  await assert.rejects(checkStoreAt(place.path, { repair: true }), /is in use by process/);
});
