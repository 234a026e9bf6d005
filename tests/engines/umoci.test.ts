// What umoci makes of a true Debian image is what we make of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { mediaTypes } from '#common/image-spec/media-types.ts';
import { allSettled } from '#engine/async/parallel.ts';
import { putDocument, putManifest, takeLayer } from '#engine/images/content/assemble.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { ImageLibrary } from '#engine/images/library/images.ts';
import { contentSource } from '#engine/images/transfer/content-place.ts';
import { copyImage } from '#engine/images/transfer/copy.ts';
import { writeLayout } from '#engine/images/transfer/layout.ts';
import { mountOverlay } from '#tests/integration/support/overlay.ts';
import { listTree } from '#tests/integration/support/unpack.ts';
import { openSite, type Site } from './support.ts';

const NAME = 'docker.io/library/debian:stable';

let site: Site;

before(async () => {
  site = await openSite('umoci');
});

after(() => site?.end());

/** The cached layers of tools/debian-image.mjs, which makes them. */
function debianLayers(): string[] {
  const made = execFileSync('node', ['tools/debian-image.mjs'], { encoding: 'utf8' });
  return made.split('\n').filter((line) => line.endsWith('.tar'));
}

async function putDebian(store: ContentStore): Promise<void> {
  using lease = store.lease();
  const taken = await allSettled(debianLayers().map((path) => takeLayer(store, lease, createReadStream(path))));
  const config = await putDocument(store, lease, mediaTypes.config[0], {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: taken.map(({ diffId }) => diffId) },
  });
  const layers = taken.map(({ layer }) => layer);
  await store.names.set(NAME, await putManifest(store, lease, config, layers));
}

test('a Debian image of several layers comes out as umoci makes it', async (t) => {
  const work = join(site.work, 'umoci');
  using store = await ContentStore.open(join(work, 'images'));
  await putDebian(store);
  {
    await using target = await writeLayout(join(work, 'layout'));
    const source = contentSource(store.blobs, (name) => store.names.get(name));
    await copyImage(NAME, 'stable', { source, target });
  }
  const { status, stderr } = site.run(['umoci', 'unpack', '--image', `${work}/layout:stable`, `${work}/bundle`], {
    seconds: 300,
  });
  assert.equal(status, 0, stderr);
  await using layers = await LayerStore.open(join(work, 'layers'), { program: resolve('dist/proa-unpack') });
  const lower = await layers.unpack(await new ImageLibrary(store).find(NAME), { content: store });
  const merged = join(work, 'merged');
  mkdirSync(merged);
  mountOverlay(`ro,lowerdir=${lower.join(':')}`, merged);
  try {
    const [ours, theirs] = [listTree(merged), listTree(join(work, 'bundle/rootfs'))];
    t.diagnostic(`${ours.length} files in ${lower.length} layers`);
    assert.ok(ours.length > 4000 && ours.some((line) => line.includes('security.capability=')));
    // The upper layers have no entry for the root, so nothing is said of the time of the last change in it.
    for (const lines of [ours, theirs]) lines[0] = lines[0]?.replace(/ \d+$/, '') ?? '';
    const differences = ours.filter((line, at) => line !== theirs[at]);
    assert.deepEqual(ours, theirs, `${differences.slice(0, 10).join('\n')}`);
  } finally {
    execFileSync('umount', [merged]);
  }
});
