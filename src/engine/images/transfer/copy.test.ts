import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Descriptor } from '#common/image-spec/types.ts';
import { parseIndex, parseManifest } from '#common/image-spec/validate.ts';
import type { Digest } from '../reference/digest.ts';
import { contentSource, storeTarget } from './content-place.ts';
import { copyImage, type ImageSource, type ImageTarget } from './copy.ts';
import type { TransferEvent } from './events.ts';
import { putIndex, putRandom, World } from './fixture.ts';
import { openLayout, writeLayout } from './layout.ts';
import { parsePlatform } from './platform.ts';
import { registrySource, registryTarget } from './registry-place.ts';

/** A place that images go to and come from. */
interface Place {
  fill(work: (target: ImageTarget) => Promise<void>): Promise<void>;
  open(): Promise<ImageSource>;
}

const places: Record<string, (world: World) => Promise<Place>> = {
  async registry(world) {
    const { host } = await world.registry();
    const endpoint = { host, path: 'team/app', insecure: true, digestOnly: false };
    return {
      fill: (work) => work(registryTarget(world.client, endpoint)),
      open: async () => registrySource(world.client, [endpoint]),
    };
  },
  async store(world) {
    const store = await world.store();
    return {
      async fill(work) {
        using lease = store.lease();
        await work(storeTarget(store, lease));
        await store.collect();
      },
      open: async () => contentSource(store.blobs, (name) => store.names.get(name)),
    };
  },
  async layout(world) {
    const path = join(world.directory(), 'made');
    return {
      async fill(work) {
        await using target = await writeLayout(path);
        await work(target);
      },
      async open() {
        assert.deepEqual(readdirSync(path).sort(), ['blobs', 'index.json', 'oci-layout']);
        return openLayout(path);
      },
    };
  },
};

/** Digests of all that an image leads to, read to the end. */
async function everything(source: ImageSource, descriptor: Descriptor): Promise<string[]> {
  const found = await source.part(descriptor);
  assert.ok(found, descriptor.digest);
  if (descriptor.mediaType.includes('index')) {
    const parts = await Promise.all(parseIndex(found.text).manifests.map((entry) => everything(source, entry)));
    return [descriptor.digest, ...parts.flat()];
  }
  const { config, layers } = parseManifest(found.text);
  for (const part of [config, ...layers]) {
    let size = 0;
    for await (const chunk of source.read(part)) size += chunk.length;
    assert.equal(size, part.size);
  }
  return [descriptor.digest, ...[config, ...layers].map(({ digest }) => digest)];
}

for (const [from, openFrom] of Object.entries(places)) {
  for (const [to, openTo] of Object.entries(places)) {
    test(`an image goes from a ${from} to a ${to} as it is, for all platforms or for one`, async () => {
      await using world = new World();
      const origin = await world.store();
      const { index, manifests } = await putIndex(origin);
      await origin.names.set('origin', index);
      const first = contentSource(origin.blobs, (name) => origin.names.get(name));
      const [between, end, one] = [await openFrom(world), await openTo(world), await openTo(world)];
      await between.fill(async (target) => {
        await copyImage('origin', '1', { source: first, target });
      });
      const source = await between.open();
      await end.fill(async (target) => {
        assert.equal((await copyImage('1', '2', { source, target })).digest, index.digest);
      });
      const copied = await (await end.open()).find('2');
      assert.equal(copied?.descriptor.digest, index.digest);
      const complete = await everything(await end.open(), index);
      assert.deepEqual(complete, await everything(first, index));
      await one.fill(async (target) => {
        const platform = parsePlatform('linux/arm64');
        await copyImage('1', '2', { source, target, platform });
        await assert.rejects(
          copyImage('1', '2', { source, target, platform: parsePlatform('linux/s390x') }),
          /no matching manifest/,
        );
      });
      assert.equal((await (await one.open()).find('2'))?.descriptor.digest, manifests[1]?.digest);
    });
  }
}

test('what the target has is not asked for', async () => {
  await using world = new World();
  const { host, store } = await world.registry();
  const image = await putRandom(store, 'amd64', 500_000);
  await store.names.set('app:1', image);
  const asked: string[] = [];
  const proxy = await world.proxy(host, ({ method = '', url = '' }) => {
    asked.push(`${method} ${url.replace(/sha256:\w+/, 'DIGEST')}`);
    return false;
  });
  const endpoint = (path: string) => ({ host: proxy, path, insecure: true, digestOnly: false });
  const source = registrySource(world.client, [endpoint('app')]);
  const target = registryTarget(world.client, endpoint('other'), { mountFrom: () => 'app' });
  // This server has one set of blobs for all its repositories.
  const events: TransferEvent[] = [];
  await copyImage('1', '2', { source, target, onEvent: (event) => events.push(event) });
  assert.equal(events.filter(({ phase }) => phase === 'exists').length, 3);
  assert.deepEqual(
    asked.filter((line) => line.startsWith('GET') && line.includes('/blobs/')),
    [],
  );
  assert.equal((await world.client.resolve(endpoint('other'), '2'))?.digest, image.digest);
});

test('a source that is cut is gone on with, one that is wrong is refused, and the target has nothing then', async () => {
  await using world = new World();
  const [{ host, store }, other] = [await world.registry(), await world.registry()];
  const image = await putRandom(store, 'amd64', 2_000_000);
  await store.names.set('app:1', image);
  let cuts = 0;
  const cutting = await world.proxy(host, (request, response) => {
    if (!request.url?.includes('/blobs/') || cuts >= 2) return false;
    const digest = /sha256:\w+/.exec(request.url)?.[0] as Digest;
    const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = readFileSync(store.blobs.path(digest)).subarray(from);
    cuts++;
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    response.write(rest.subarray(0, rest.length / 2), () => setTimeout(() => response.destroy(), 20));
    return true;
  });
  const wrong = await world.proxy(host, (request, response) => {
    if (!request.url?.includes('/blobs/')) return false;
    store.blobs.size(/sha256:\w+/.exec(request.url)?.[0] as Digest).then((size = 0) => {
      response.writeHead(200, { 'content-length': size });
      response.end(randomBytes(size));
    });
    return true;
  });
  const endpoint = (at: string) => ({ host: at, path: 'app', insecure: true, digestOnly: false });
  const target = registryTarget(world.client, endpoint(other.host));
  const from = (at: string) => registrySource(world.client, [endpoint(at)]);
  await assert.rejects(copyImage('1', '1', { source: from(wrong), target }), /does not match its digest/);
  assert.deepEqual(await other.store.blobs.list(), []);
  await copyImage('1', '1', { source: from(cutting), target });
  assert.equal(cuts, 2);
  assert.equal((await other.store.reachable()).size, 4);
});

test('openLayout() names what it cannot open', async () => {
  await using world = new World();
  const path = world.directory();
  await assert.rejects(openLayout(path), /is no OCI image layout/);
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
  await assert.rejects(openLayout(path), /image layout version 1.0.0 expected, got 2.0.0/);
  const made = join(path, 'made');
  const store = await world.store();
  {
    await using target = await writeLayout(made);
    const source = contentSource(store.blobs, (name) => store.names.get(name));
    for (const name of ['a', 'b']) {
      await store.names.set(name, await putRandom(store, 'amd64'));
      await copyImage(name, name, { source, target });
    }
    await assert.rejects(writeLayout(made), /is in use/);
    await assert.rejects(copyImage('c', 'c', { source, target }), /no image "c"/);
  }
  const { names, find } = await openLayout(made);
  assert.deepEqual(names, ['a', 'b']);
  await assert.rejects(find(''), /holds 2 images: which one is meant/);
  assert.equal((await find('b'))?.descriptor.digest, store.names.get('b')?.digest);
});
