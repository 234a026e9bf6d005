import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Descriptor } from '#common/image-spec/types.ts';
import type { Digest } from '../reference/digest.ts';
import type { BlobClaim } from './blobs.ts';
import { checkStore } from './check.ts';
import { digestOf, put, putImage, temporaryDirectory } from './fixture.ts';
import { ContentStore } from './store.ts';

const putWord = (store: ContentStore, word: string): Promise<Descriptor> => putImage(store, [`layer of ${word}`]);

async function claimed(store: ContentStore, digest: Digest): Promise<BlobClaim> {
  const claim = await store.blobs.claim(digest);
  assert.ok(claim, `${digest} is there`);
  return claim;
}

test('ContentStore is an image layout, and content is found by its digest', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const image = await putWord(store, 'a');
  await store.names.set('docker.io/library/a:1', image);
  assert.deepEqual(JSON.parse(readFileSync(join(place.path, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
  const index = JSON.parse(readFileSync(join(place.path, 'index.json'), 'utf8'));
  assert.equal(index.manifests[0].annotations['org.opencontainers.image.ref.name'], 'docker.io/library/a:1');
  assert.equal(store.names.get('docker.io/library/a:1')?.digest, image.digest);
  assert.match(await store.blobs.readDocument(image.digest as Digest), /"layers"/);
});

test('ContentStore.open() refuses a second engine by its process', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  await assert.rejects(ContentStore.open(place.path), new RegExp(`in use by process ${process.pid}`));
  store[Symbol.dispose]();
  (await ContentStore.open(place.path))[Symbol.dispose]();
});

test('BlobWriter goes on where the last one ended, and only what is verified becomes content', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const data = 'the quick brown fox';
  const digest = digestOf(data);
  using claim = await claimed(store, digest);
  {
    await using writer = await claim.write(data.length);
    await writer.write([Buffer.from(data.slice(0, 7))]);
  }
  assert.equal(await store.blobs.has(digest), false);
  {
    await using writer = await claim.write(data.length);
    assert.equal(writer.offset, 7);
    await assert.rejects(writer.commit(), /ended after 7 of 19 bytes/);
  }
  {
    await using writer = await claim.write(data.length);
    await writer.write([Buffer.from(data.slice(7))]);
    await writer.commit();
  }
  assert.equal(await store.blobs.readDocument(digest), data);
  assert.deepEqual(readdirSync(join(place.path, 'ingest')), []);
});

test('BlobWriter discards what does not match, and what is too long', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const digest = digestOf('right');
  using claim = await claimed(store, digest);
  {
    await using writer = await claim.write(undefined);
    await writer.write([Buffer.from('wrong')]);
    await assert.rejects(writer.commit(), /does not match its digest: expected sha256:/);
  }
  {
    await using writer = await claim.write(5);
    await assert.rejects(writer.write([Buffer.from('rightly')]), /longer than the 5 bytes/);
  }
  assert.deepEqual(readdirSync(join(place.path, 'ingest')), []);
  assert.equal(await store.blobs.has(digest), false);
});

test('collect() keeps what a name or a lease leads to', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const named = await putWord(store, 'named');
  const leased = await putWord(store, 'leased');
  const lost = await putWord(store, 'lost');
  await store.names.set('a:1', named);
  const lease = store.lease();
  lease.hold(leased.digest as Digest);
  const removed = (await store.collect()).map(({ digest }) => digest);
  assert.ok(removed.includes(lost.digest as Digest));
  assert.ok(!removed.includes(leased.digest as Digest));
  assert.equal((await store.reachable()).size, 3);
  lease[Symbol.dispose]();
  await store.names.remove((name) => name === 'a:1');
  await store.collect();
  assert.deepEqual(await store.blobs.list(), []);
});

test('collect() keeps what got its name, and lost its lease, while it looked', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const named = await putWord(store, 'named');
  await store.names.set('a:1', named);
  for (let round = 0; round < 20; round++) {
    const collecting = store.collect();
    const lease = store.lease();
    lease.hold(digestOf(`round ${round}`));
    const blob = await put(store, 'text/plain', `round ${round}`);
    await store.names.keep(blob);
    lease[Symbol.dispose]();
    await collecting;
    assert.ok(await store.blobs.has(blob.digest as Digest), `round ${round}`);
  }
});

test('what nobody goes on with is removed: at once what only its writer could, after a day what a pull could', async () => {
  using place = temporaryDirectory();
  const ingest = join(place.path, 'ingest');
  const partial = async (of: ContentStore, word: string, hours: number) => {
    const digest = digestOf(word);
    const claim = await claimed(of, digest);
    await using writer = await claim.write(word.length);
    await writer.write([Buffer.from(word.slice(0, 2))]);
    const path = join(ingest, digest.replace(':', '-'));
    const time = Date.now() / 1000 - hours * 3600;
    utimesSync(path, time, time);
    return { digest, claim, name: digest.replace(':', '-') };
  };
  {
    using store = await ContentStore.open(place.path);
    for (const claim of [(await partial(store, 'young', 23)).claim, (await partial(store, 'very old', 25)).claim])
      claim[Symbol.dispose]();
    for (const kind of ['take', 'upload', 'removed'] as const) writeFileSync(store.blobs.ownFile(kind), 'some');
  }
  using store = await ContentStore.open(place.path);
  const [young, old] = [digestOf('young'), digestOf('very old')].map((digest) => digest.replace(':', '-'));
  assert.deepEqual(readdirSync(ingest).sort(), [young, old].sort());
  const fetched = await partial(store, 'being fetched', 25);
  const come = await partial(store, 'come from elsewhere', 0);
  come.claim[Symbol.dispose]();
  await store.blobs.put(come.digest, 'come from elsewhere');
  await store.names.keep({ mediaType: 'text/plain', digest: come.digest, size: 19 });
  await new Promise((passed) => setTimeout(passed));
  await store.collect();
  assert.deepEqual(readdirSync(ingest).sort(), [young, fetched.name].sort());
  assert.deepEqual(
    (await checkStore(store, { repair: true })).map(({ what, digest, mended }) => [what, digest, mended]),
    [['partial', digestOf('young'), true]],
  );
  assert.deepEqual(readdirSync(ingest), [fetched.name]);
  {
    using _claim = fetched.claim;
    await using writer = await fetched.claim.write(13);
    assert.equal(writer.offset, 2);
    await writer.write([Buffer.from('ing fetched')]);
    await writer.commit();
  }
  assert.equal(await store.blobs.readDocument(fetched.digest), 'being fetched');
});

test('names that change at once all stay', async () => {
  using place = temporaryDirectory();
  using store = await ContentStore.open(place.path);
  const image = await putWord(store, 'a');
  const tags = Array.from({ length: 20 }, (_, index) => `a:${index}`);
  await Promise.all(tags.map((tag) => store.names.set(tag, image)));
  assert.deepEqual(
    store.names.list().map(({ name }) => name),
    tags,
  );
  store[Symbol.dispose]();
  using again = await ContentStore.open(place.path);
  assert.equal(again.names.list().length, 20);
});
