import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { checkStore } from '../content/check.ts';
import { digestOf, put, putImage, temporaryStore } from '../content/fixture.ts';
import type { ContentStore } from '../content/store.ts';
import { ImageLibrary } from '../library/images.ts';
import { parseReference } from '../reference/parse.ts';
import { importImage } from './import.ts';
import { loadImages } from './load.ts';
import { type Saved, saveImages } from './save.ts';

type File = string | { linkname: string };

async function archiveOf(files: Readonly<Record<string, File>>): Promise<Buffer> {
  const archive = pack();
  const whole = buffer(archive);
  for (const [name, file] of Object.entries(files)) {
    if (typeof file === 'string') archive.entry({ name }, file);
    else archive.entry({ name, type: 'symlink', ...file } satisfies Partial<Header>);
  }
  archive.finalize();
  return whole;
}

async function saved(store: ContentStore, images: readonly Saved[]): Promise<Buffer> {
  const output = new PassThrough();
  const [bytes] = await Promise.all([buffer(output), saveImages(store, images, output)]);
  return bytes;
}

const load = (store: ContentStore, bytes: Uint8Array) => loadImages(store, Readable.from([bytes]));

test('several images are saved with all their names, and loaded again; the same images give the same bytes', async () => {
  using from = await temporaryStore();
  using to = await temporaryStore();
  const [a, b] = [await putImage(from.store, ['one', 'shared']), await putImage(from.store, ['two', 'shared'])];
  const images = [
    { names: ['docker.io/library/a:1', 'quay.io/team/a:latest'], target: a },
    { names: ['docker.io/library/b:1'], target: b },
  ];
  const bytes = await saved(from.store, images);
  assert.deepEqual(await saved(from.store, images), bytes);
  assert.deepEqual(await load(to.store, bytes), images);
  for (const { names, target } of images)
    for (const name of names) assert.equal(to.store.names.get(name)?.digest, target.digest);
  assert.equal((await to.store.reachable()).size, 2 + 2 + 3);
  assert.deepEqual(await to.store.collect(), []);
  assert.equal((await load(to.store, gzipSync(bytes))).length, 2);
});

test('an index is saved with what is here of it', async () => {
  using from = await temporaryStore();
  using to = await temporaryStore();
  const here = await putImage(from.store, ['here']);
  const manifests = [here, { ...here, digest: digestOf('elsewhere') }];
  const index = await put(from.store, mediaTypes.index[0], { schemaVersion: 2, manifests });
  const images = [{ names: ['docker.io/library/a:1'], target: index }];
  assert.deepEqual(await load(to.store, await saved(from.store, images)), images);
  assert.equal(await to.store.blobs.has(here.digest as `sha256:${string}`), true);
});

test("Docker's older archives are loaded: layers by any path, also through links", async () => {
  using to = await temporaryStore();
  const layer = 'a layer';
  const diff = digestOf(layer);
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [diff, diff] },
  });
  const manifest = [{ Config: 'c.json', RepoTags: ['app:1'], Layers: ['x/layer.tar', 'y/layer.tar'] }];
  const files = {
    'x/layer.tar': layer,
    'y/layer.tar': { linkname: '../x/layer.tar' },
    'c.json': config,
    'manifest.json': JSON.stringify(manifest),
  };
  const [loaded] = await load(to.store, await archiveOf(files));
  assert.deepEqual(loaded?.names, ['docker.io/library/app:1']);
  const document = JSON.parse(await to.store.blobs.readDocument(loaded?.target.digest as `sha256:${string}`));
  assert.deepEqual(
    document.layers.map(({ digest }: { digest: string }) => digest),
    [diff, diff],
  );
  const wrong = await archiveOf({ ...files, 'x/layer.tar': 'another layer' });
  await assert.rejects(load(to.store, wrong), /x\/layer.tar of the archive is not the layer that the configuration/);
});

test('an archive that is not whole changes nothing, and says what is wrong', async () => {
  using from = await temporaryStore();
  const image = await putImage(from.store, ['one']);
  const names = ['docker.io/library/a:1'];
  const bytes = await saved(from.store, [{ names, target: image }]);
  const flipped = Buffer.from(bytes);
  flipped[flipped.indexOf('one')] = 0;
  const config = { Config: 'c.json', Layers: [] };
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [bytes.subarray(0, 1300), /the archive is no tar, or is not complete/],
    [flipped, /sha256:/],
    [gzipSync(bytes).subarray(0, -20), /unexpected end of file/],
    [new Uint8Array(0), /holds no image/],
    [await archiveOf({ 'etc/passwd': '' }), /neither an index.json nor a manifest.json/],
    [await archiveOf({ 'manifest.json': JSON.stringify([config]) }), /c.json is missing/],
    [await archiveOf({ 'manifest.json': '[{"Config":1,"Layers":[]}]' }), /manifest.json.*Config/],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /zstd/],
  ];
  for (const [wrong, message] of cases) {
    using to = await temporaryStore();
    await assert.rejects(load(to.store, wrong), message);
    assert.deepEqual(to.store.names.list(), []);
    assert.deepEqual(readdirSync(join(to.store.root, 'ingest')), []);
    await to.store.collect();
    assert.deepEqual(readdirSync(join(to.store.root, 'blobs', 'sha256')), []);
  }
});

test('an archive of a root filesystem becomes an image of one layer, however it is compressed', async () => {
  using to = await temporaryStore();
  const archive = await archiveOf({ 'etc/word': 'word' });
  const options = { created: '2026-01-01T00:00:00Z', config: { Cmd: ['sh'] }, comment: 'made by hand' };
  const reference = parseReference('made');
  const first = await importImage(to.store, Readable.from([archive]), { ...options, reference });
  const second = await importImage(to.store, Readable.from([gzipSync(archive)]), options);
  assert.equal(second.digest, first.digest);
  assert.equal(to.store.names.get('docker.io/library/made:latest')?.digest, first.digest);
  const { config } = await new ImageLibrary(to.store).find('made');
  assert.deepEqual(config.rootfs.diff_ids, [digestOf(archive)]);
  assert.deepEqual(config.config, { Cmd: ['sh'] });
  await to.store.collect();
  assert.equal((await to.store.reachable()).size, 3);
  await assert.rejects(importImage(to.store, Readable.from([gzipSync(archive).subarray(0, -9)])), /damaged/);
  assert.deepEqual(readdirSync(join(to.store.root, 'ingest')), []);
});

test('what is imported or loaded while others prune is there whole', async () => {
  using to = await temporaryStore();
  let ended = false;
  const prune = async () => {
    while (!ended) await to.store.collect();
  };
  const importing = async (at: number) => {
    const archive = await archiveOf({ 'etc/word': `word ${at}` });
    const { digest } = await importImage(to.store, Readable.from([archive]), {
      reference: parseReference(`imported:${at}`),
    });
    return digest;
  };
  const loading = async (at: number) => {
    const layer = `layer ${at}`;
    const rootfs = { type: 'layers', diff_ids: [digestOf(layer)] };
    const files = {
      'l/layer.tar': layer,
      'c.json': JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }),
      'manifest.json': JSON.stringify([{ Config: 'c.json', RepoTags: [`loaded:${at}`], Layers: ['l/layer.tar'] }]),
    };
    const [loaded] = await load(to.store, await archiveOf(files));
    return loaded?.target.digest;
  };
  const pruning = [prune(), prune()];
  try {
    for (let at = 0; at < 40; at++) await Promise.all([importing(at), loading(at)]);
  } finally {
    ended = true;
    await Promise.all(pruning);
  }
  assert.deepEqual(await checkStore(to.store), []);
  assert.equal((await to.store.reachable()).size, 40 * 6);
});
