import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { digestOf, put, putImage, temporaryStore } from '../content/fixture.ts';
import { parseReference } from '../reference/parse.ts';
import { ImageLibrary } from './images.ts';
import { isPruned, type PruneOptions } from './prune.ts';

const platform = { os: 'linux', architecture: 'amd64' };

test('an image is found by name, digest, ID and its beginning; tagged, and gone with its last name', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const library = new ImageLibrary(store, { platform });
  const target = await putImage(store, ['a layer']);
  await store.names.set('docker.io/library/app:1', target);
  const [image] = await library.list();
  assert.ok(image);
  const pinned = `app@${target.digest}`;
  for (const text of ['app:1', 'docker.io/library/app:1', target.digest, pinned, image.id, image.id.slice(7, 19)])
    assert.equal((await library.find(text)).id, image.id, text);
  await assert.rejects(library.find('app:2'), /no such image: "app:2"/);
  await assert.rejects(library.find(image.id.slice(7, 10)), /no such image/);

  assert.equal(await library.tag('app:1', parseReference('app')), 'docker.io/library/app:latest');
  await assert.rejects(library.tag('app:1', parseReference(pinned)), /has a digest/);
  await assert.rejects(library.remove(image.id), /has several names/);
  assert.deepEqual(await library.remove('app:1'), { untagged: ['docker.io/library/app:1'], deleted: [] });
  const { untagged, deleted } = await library.remove(image.id);
  assert.deepEqual(untagged, ['docker.io/library/app:latest']);
  assert.equal(deleted.length, 3);
  assert.deepEqual(await library.list(), []);
});

test('two images whose IDs begin alike are a conflict', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const library = new ImageLibrary(store, { platform });
  // As many as it takes for two to share a beginning of four digits.
  const seen = new Map<string, string>();
  for (let at = 0; ; at++) {
    const author = `${at}`;
    const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, author };
    const beginning = digestOf(JSON.stringify(config)).slice(7, 11);
    const other = seen.get(beginning);
    seen.set(beginning, author);
    if (other === undefined) continue;
    await store.names.set('docker.io/library/app:1', await putImage(store, [], { author }));
    await store.names.set('docker.io/library/app:2', await putImage(store, [], { author: other }));
    await assert.rejects(library.find(beginning), /is not unique/);
    return;
  }
});

test('history names each step with the size of its layer, newest first', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const history = [{ created_by: 'ADD' }, { created_by: 'ENV', empty_layer: true }, { created_by: 'RUN' }];
  await store.names.set('docker.io/library/app:1', await putImage(store, ['four', 'eight by'], { history }));
  const steps = await new ImageLibrary(store, { platform }).history('app:1');
  assert.deepEqual(
    steps.map(({ created_by, size }) => [created_by, size]),
    [
      ['RUN', 8],
      ['ENV', 0],
      ['ADD', 4],
    ],
  );
});

test('prune takes images without names, or all that nothing uses, and counts what it gave back', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const library = new ImageLibrary(store, { platform });
  const named = await putImage(store, ['named']);
  const used = await putImage(store, ['used']);
  await store.names.set('docker.io/library/named:1', named);
  await store.names.set('docker.io/library/used:1', used);
  await store.names.set('docker.io/library/lost:1', await putImage(store, ['lost']));
  await store.names.set('docker.io/library/lost:1', used);
  const first = await library.prune();
  assert.deepEqual(first.untagged, []);
  assert.ok(first.reclaimed > 0 && first.deleted.includes(digestOf('lost')));
  const second = await library.prune({ all: true, used: ({ target }) => target.digest === used.digest });
  assert.deepEqual(second.untagged, ['docker.io/library/named:1']);
  assert.deepEqual((await library.find('used:1')).names.sort(), [
    'docker.io/library/lost:1',
    'docker.io/library/used:1',
  ]);
});

test('prune goes by time and labels, and each filter leaves fewer', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const library = new ImageLibrary(store, { platform });
  const made: Record<string, { created?: string; Labels?: Record<string, string> }> = {
    old: { created: '2020-01-01T00:00:00Z', Labels: { stage: 'test', keep: '' } },
    new: { created: '2026-01-01T00:00:00+01:00', Labels: { stage: 'test' } },
    live: { created: '2020-01-01T00:00:00Z', Labels: { stage: 'live' } },
    timeless: {},
  };
  for (const [name, { Labels, ...more }] of Object.entries(made))
    await store.names.set(name, await putImage(store, [name], { ...more, ...(Labels && { config: { Labels } }) }));
  const pruned = async (options: PruneOptions): Promise<string[]> =>
    (await library.list()).filter((image) => isPruned(image, options)).flatMap(({ names }) => names);
  const all = true;
  assert.deepEqual(await pruned({}), []);
  assert.deepEqual(await pruned({ all, createdBefore: Date.parse('2021-01-01') }), ['old', 'live', 'timeless']);
  assert.deepEqual(await pruned({ all, labels: ['stage'] }), ['old', 'new', 'live']);
  assert.deepEqual(await pruned({ all, labels: ['stage=test', 'keep'] }), ['old']);
  assert.deepEqual(await pruned({ all, labels: ['keep='], withoutLabels: ['stage=live'] }), ['old']);
  assert.deepEqual(await pruned({ all, withoutLabels: ['stage=test', 'toString'] }), ['live', 'timeless']);
  const createdBefore = Date.parse('2025-12-31T23:00:00Z');
  assert.deepEqual(await pruned({ all, labels: ['stage=test'], createdBefore }), ['old']);
  const { untagged } = await library.prune({ all, labels: ['stage=test'] });
  assert.deepEqual(untagged.sort(), ['new', 'old']);
  assert.equal((await library.list()).length, 2);
});

test('of an index the manifest for this platform is the image', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const manifests = [];
  for (const architecture of ['arm64', 'amd64'])
    manifests.push({
      ...(await putImage(store, [architecture], { architecture })),
      platform: { os: 'linux', architecture },
    });
  const index = await put(store, mediaTypes.index[0], { schemaVersion: 2, manifests });
  await store.names.set('docker.io/library/app:1', index);
  const { config, target } = await new ImageLibrary(store, { platform }).find('app:1');
  assert.equal(config.architecture, 'amd64');
  assert.equal(target.digest, index.digest);
});

test('a name that no image has is looked up whole, and gives just that name away', async () => {
  using place = await temporaryStore();
  const { store } = place;
  const image = await putImage(store, ['layer']);
  for (const name of ['a.example/app:1', 'b.example/app:1']) await store.names.set(name, image);
  const fullName = async (text: string) => text.replace(/^short/, 'a.example/app');
  const library = new ImageLibrary(store, { platform, fullName });
  assert.equal((await library.find('short:1')).target.digest, image.digest);
  assert.deepEqual(await library.remove('short:1'), { untagged: ['a.example/app:1'], deleted: [] });
  await assert.rejects(library.find('short:1'), /no such image: "short:1"/);
  await assert.rejects(library.find('Short:1'), /no such image: "Short:1"/);
});
