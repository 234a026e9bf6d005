// Images become root filesystems: layers are unpacked, and containers run on them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Descriptor } from '#common/image-spec/types.ts';
import { addBaseImage } from '#engine/images/embedded/base.ts';
import { Snapshots } from '#engine/images/layers/snapshots.ts';
import { parseReference, referenceText } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import type { TransferEvent } from '#engine/images/transfer/events.ts';
import { pullImage } from '#engine/images/transfer/pull.ts';
import { RegistryServer } from '#engine/registry-server/server.ts';
import { Agent } from './support/agent.ts';
import { baseImage, compress, Images, layerOf, tarOf } from './support/images.ts';
import { mountOverlay } from './support/overlay.ts';

test('proa/base is there in an empty store, and a container of it runs', async () => {
  await using images = await Images.open();
  assert.equal(await addBaseImage(images.content, baseImage), true);
  assert.equal(await addBaseImage(images.content, baseImage), false);
  const lower = await images.unpack('proa/base');
  const snapshots = await Snapshots.open(join(images.directory, 'snapshots'));
  await using agent = new Agent();
  await agent.start();
  const run = async (script: string): Promise<string[]> => {
    const id = await agent.create({
      args: ['sh', '-c', script],
      config: (config) => {
        config.root.readonly = false;
      },
      request: { overlay: await snapshots.prepare('one', lower) },
    });
    assert.equal((await agent.ended(id)).status, 0);
    return agent.log(id);
  };
  assert.deepEqual(await run('echo hello > /tmp/word; cat /tmp/word; id -un'), ['stdout F hello', 'stdout F root']);
  assert.deepEqual(await run('cat /tmp/word'), ['stdout F hello']);
  assert.equal(existsSync(join(lower[0] as string, 'tmp/word')), false);
  await snapshots.remove('one');
  assert.deepEqual(await run('ls /tmp | wc -l'), ['stdout F 0']);
});

test('layers of each compression make one tree: files are replaced, hidden, and directories made opaque', async () => {
  await using images = await Images.open();
  const layers = [
    layerOf(tarOf('mkdir -p a/deep b; echo 1 > a/kept; echo 1 > a/gone; echo 1 > b/old; echo 1 > a/deep/x'), ''),
    layerOf(tarOf('mkdir -p a b; echo 2 > a/changed; : > a/.wh.gone; : > b/.wh..wh..opq; echo 2 > b/new'), 'zstd'),
    layerOf(tarOf('mkdir a; : > a/.wh.deep; echo 3 > a/changed'), 'gzip'),
  ];
  await images.put('app', layers);
  const events: TransferEvent[] = [];
  const lower = await images.unpack('app', events);
  assert.equal(events.filter(({ phase }) => phase === 'done').length, 3);
  const mounted = join(images.directory, 'mounted');
  mkdirSync(mounted);
  mountOverlay(`lowerdir=${lower.join(':')}`, mounted);
  try {
    const tree = execFileSync('find', ['.', '-type', 'f'], { cwd: mounted, encoding: 'utf8' });
    assert.deepEqual(tree.trim().split('\n').sort(), ['./a/changed', './a/kept', './b/new']);
    assert.equal(readFileSync(join(mounted, 'a/changed'), 'utf8'), '3\n');
  } finally {
    execFileSync('umount', [mounted]);
  }
  // Again: nothing is left to do.
  const again: TransferEvent[] = [];
  assert.deepEqual(await images.unpack('app', again), lower);
  assert.deepEqual(again, []);
});

test('a layer that is not what its digests say is refused, and leaves nothing', async () => {
  await using images = await Images.open();
  const tar = tarOf('echo word > file');
  const good = layerOf(tar);
  const cut = gzipSync(tar).subarray(0, -12);
  const zstd = Buffer.from(compress(tar, 'zstd'));
  const cases: [string, Uint8Array, string, RegExp][] = [
    ['other', gzipSync(tarOf('echo other > file')), 'gzip', /its digest is sha256:\w+, expected sha256:/],
    ['no-gzip', tar, 'gzip', /no gzip stream, or a damaged one/],
    ['cut', cut, 'gzip', /no gzip stream, or a damaged one: unexpected end/],
    ['cut-zstd', zstd.subarray(0, -3), 'zstd', /no zstd stream, or a damaged one/],
    ['cut-tar', gzipSync(tar.subarray(0, 700)), 'gzip', /layer sha256:\w+: archive/],
    ['no-tar', gzipSync(Buffer.alloc(5120, 'x')), 'gzip', /layer sha256:\w+: archive entry 1 .*checksum/],
  ];
  for (const [name, stored, compression, message] of cases) {
    await images.put(name, [{ stored, compression, diffId: good.diffId }]);
    await assert.rejects(images.unpack(name), message, name);
    assert.deepEqual(readdirSync(images.layersPath), [], name);
  }
  await images.put('outside', [layerOf(execFileSync('tar', ['--create', '--absolute-names', '/etc/hostname']))]);
  const [path = ''] = await images.unpack('outside');
  assert.equal(existsSync(join(path, 'etc/hostname')), true);
});

test('what a crash has left is removed, and what was not on disk when the machine went down is unpacked anew', async () => {
  await using images = await Images.open();
  const layer = layerOf(tarOf('echo word > file'));
  await images.put('app', [layer]);
  await images.openLayers('first boot');
  const [path = ''] = await images.unpack('app');
  // As it is before all is on disk.
  await images.layers[Symbol.asyncDispose]();
  const record = join(path, '../layer.json');
  assert.deepEqual(JSON.parse(readFileSync(record, 'utf8')), { unsettledSince: null });
  await images.openLayers('second boot');
  assert.equal(await images.layers.has(layer.diffId), true);
  writeFileSync(record, JSON.stringify({ unsettledSince: 'second boot' }));
  truncateSync(join(path, 'file'), 0);
  mkdirSync(join(images.layersPath, '.partial-1/files'), { recursive: true });
  await images.openLayers('third boot');
  assert.deepEqual(readdirSync(images.layersPath), []);
  await images.unpack('app');
  assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'word\n');
});

test('two images that share a layer unpack it once, also at the same time; what no image needs is collected', async () => {
  await using images = await Images.open();
  const shared = layerOf(tarOf('head -c 3000000 /dev/urandom > shared'));
  await images.put('a', [shared, layerOf(tarOf('echo a > a'))]);
  await images.put('b', [shared, layerOf(tarOf('echo b > b'))]);
  const [a, b] = await Promise.all([images.unpack('a'), images.unpack('b')]);
  assert.equal(a[1], b[1]);
  assert.equal((await images.layers.list()).length, 3);
  assert.equal(
    createHash('sha256')
      .update(readFileSync(join(a[1] as string, 'shared')))
      .digest('hex').length,
    64,
  );
  const needed = new Set((await images.library.find('b')).config.rootfs.diff_ids);
  assert.equal((await images.layers.collect((diffId) => needed.has(diffId))).length, 1);
  assert.deepEqual(readdirSync(images.layersPath).length, 2);
});

test('a pull unpacks each layer as it comes, and tells of each when it is there', async () => {
  await using served = await Images.open();
  const [first, second] = [layerOf(tarOf('echo 1 > one')), layerOf(tarOf('echo 2 > two'), 'zstd')];
  await served.put('app', [first, second, first]);
  const [image] = await served.library.list();
  assert.ok(image);
  await served.content.names.set('app:1', image.target);
  await using registry = new RegistryServer({ store: served.content });
  const reference = parseReference(`${await registry.listen(0)}/app:1`);
  await using images = await Images.open();
  using client = new RegistryClient({ credentials: new CredentialFile({}) });
  const { content: store, layers } = images;
  const pull = async (): Promise<string[]> => {
    const events: TransferEvent[] = [];
    const onEvent = (event: TransferEvent) => events.push(event);
    await pullImage(reference, { client, store, rules: RegistryRules.none, layers, onEvent });
    return image.document.layers.map(
      ({ digest }) => events.filter((event) => event.digest === digest).at(-1)?.phase ?? '',
    );
  };
  assert.deepEqual(await pull(), ['done', 'done', 'done']);
  assert.deepEqual((await layers.list()).sort(), [first.diffId, second.diffId].sort());
  assert.deepEqual(await pull(), ['exists', 'exists', 'exists']);
  const [path = ''] = await images.unpack(referenceText(reference));
  assert.equal(readFileSync(join(path, 'one'), 'utf8'), '1\n');
  await images.layers.collect(() => false);
  await served.put('wrong', [{ ...first, diffId: second.diffId }]);
  await served.content.names.set('app:1', served.content.names.get('docker.io/library/wrong:latest') as Descriptor);
  await assert.rejects(pull(), /its digest is sha256:\w+, expected sha256:/);
  assert.deepEqual(readdirSync(images.layersPath), []);
  assert.equal((await images.library.find(referenceText(reference))).target.digest, image.target.digest);
});

test('what is unpacked while it comes is dropped when its bytes were wrong or come anew, and the layer is right', async () => {
  await using served = await Images.open();
  const layer = layerOf(tarOf('for f in 1 2 3 4 5 6; do head -c 400000 /dev/urandom > f$f; done'));
  await served.put('app', [layer]);
  const [image] = await served.library.list();
  assert.ok(image);
  await served.content.names.set('app:1', image.target);
  await using registry = new RegistryServer({ store: served.content });
  const host = await registry.listen(0);
  const blob = Buffer.from(layer.stored);
  // Each answers a request for the layer; all else is the registry's.
  const ways: Record<string, (response: ServerResponse) => void> = {
    garbled: (response) => {
      const wrong = Buffer.from(blob);
      wrong.fill(0, 1_000_000, 1_000_100);
      response.end(wrong);
    },
    'cut and without ranges': (response) => {
      response.setHeader('content-length', blob.length);
      let tries = 0;
      response.write(blob.subarray(0, 1_200_000), () => setTimeout(() => response.destroy(), 50));
      ways['cut and without ranges'] = (later) => (tries++ === 0 ? later.end(blob) : later.destroy());
    },
  };
  for (const way of Object.keys(ways)) {
    const mirror = createServer(async (request, response) => {
      if (request.url?.includes(String(image.document.layers[0]?.digest))) return ways[way]?.(response);
      const answer = await fetch(`http://${host}${request.url}`, { method: request.method ?? 'GET' });
      const type = { 'content-type': answer.headers.get('content-type') ?? '' };
      response.writeHead(answer.status, type).end(Buffer.from(await answer.arrayBuffer()));
    });
    mirror.listen(0, '127.0.0.1');
    await once(mirror, 'listening');
    await using images = await Images.open();
    using client = new RegistryClient({ credentials: new CredentialFile({}) });
    const { port } = mirror.address() as AddressInfo;
    const rules = RegistryRules.parse(
      `[[registry]]\nlocation = "${host}"\n[[registry.mirror]]\nlocation = "127.0.0.1:${port}"\n`,
    );
    const { content: store, layers } = images;
    const begun: string[] = [];
    const watcher = watch(images.layersPath, (_, name) => begun.push(String(name)));
    await pullImage(parseReference(`${host}/app:1`), { client, store, rules, layers });
    watcher.close();
    mirror.closeAllConnections();
    mirror.close();
    const attempts = new Set(begun.filter((name) => name.startsWith('.partial-')));
    assert.equal(attempts.size, 2, `${way}: ${[...attempts].join(' ')}`);
    assert.deepEqual(readdirSync(images.layersPath), [layer.diffId.replace(':', '-')], way);
    assert.equal(readdirSync(layers.path(layer.diffId)).length, 6, way);
  }
});
