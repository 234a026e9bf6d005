// Root filesystems of containers: every way to make one holds what all of them promise.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { importImage } from '#engine/images/archive/import.ts';
import { addBaseImage } from '#engine/images/embedded/base.ts';
import { AnySnapshots } from '#engine/images/layers/any-snapshots.ts';
import { changesOf, commitChanges } from '#engine/images/layers/commit.ts';
import { CopiedSnapshots } from '#engine/images/layers/copied-snapshots.ts';
import { exportRoot } from '#engine/images/layers/export.ts';
import { imageMount, imageRoot } from '#engine/images/layers/image-mount.ts';
import { type SnapshotRoot, type SnapshotStore, Snapshots } from '#engine/images/layers/snapshots.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { Agent } from './support/agent.ts';
import { baseImage, Images, layerOf, packProgram, program, tarOf } from './support/images.ts';
import { mountOverlay } from './support/overlay.ts';
import { listTree } from './support/unpack.ts';

const programs = { pack: packProgram, unpack: program };

const implementations: Record<string, (root: string) => Promise<SnapshotStore>> = {
  overlay: (root) => Snapshots.open(root),
  copy: (root) => CopiedSnapshots.open(root, programs),
  any: (root) => AnySnapshots.open(placesIn(root), { programs }),
  'any, refused': (root) => AnySnapshots.open(placesIn(root), { programs, refusal: 'for a test' }),
};

function placesIn(root: string) {
  return { overlays: join(root, 'overlays'), copies: join(root, 'copies') };
}

/** Mounts what has to be, for as long as `look` looks at it. */
async function visit<T>(root: SnapshotRoot, look: (path: string) => T | Promise<T>): Promise<T> {
  if (root.kind === 'directory') return await look(root.path);
  const { lower, upper = '', work = '' } = root.overlay;
  const path = join(work, '../../visited');
  mkdirSync(path, { recursive: true });
  const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`;
  mountOverlay(options, path);
  try {
    return await look(path);
  } finally {
    execFileSync('umount', [path]);
    execFileSync('rmdir', [path]);
  }
}

/** Runs a script of the base image's shell on a root: what it wrote. */
async function run(agent: Agent, root: SnapshotRoot, script: string): Promise<string[]> {
  const id = await agent.create({
    args: ['sh', '-c', script],
    config(config) {
      config.root.readonly = false;
      if (root.kind === 'directory') config.root.path = root.path;
    },
    request: root.kind === 'overlay' ? { overlay: root.overlay } : {},
  });
  assert.equal((await agent.ended(id)).status, 0, agent.log(id).join('\n'));
  return agent.log(id);
}

const layers = [
  'mkdir -p a/deep b; echo 1 > a/kept; echo 1 > a/gone; echo 1 > b/old; echo 1 > a/deep/x; ln a/kept a/second; chmod 2750 b',
  'mkdir -p a b; echo 2 > a/changed; : > a/.wh.gone; : > b/.wh..wh..opq; echo 2 > b/new; chown 12:34 b/new; chmod 751 .',
  'mkdir a; : > a/.wh.deep; echo 3 > a/changed; setfattr -n user.word -v x a/changed; chmod 751 .',
];

/** By implementation, the layer of the same changes. */
const committed = new Map<string, string>();
const listed = [
  'C /a',
  'C /a/kept',
  'D /a/second',
  'A /a/third',
  'D /b',
  'C /bin',
  'C /bin/busybox',
  'A /c',
  'A /c/new',
  'C /etc',
  'D /etc/group',
  'C /etc/os-release',
  'A /new',
  'A /new/file',
  'C /tmp',
];

/** That of the embedded image, with a shell. */
function baseLayer() {
  const read = (name: string) => execFileSync('tar', ['-xOf', baseImage, name], { maxBuffer: 1 << 28 });
  const blob = (digest: string) => read(`blobs/${digest.replace(':', '/')}`);
  const index = JSON.parse(read('index.json').toString()) as { manifests: { digest: string }[] };
  const manifest = JSON.parse(blob(index.manifests[0]?.digest ?? '').toString()) as { layers: { digest: string }[] };
  return layerOf(gunzipSync(blob(manifest.layers[0]?.digest ?? '')));
}

for (const [name, open] of Object.entries(implementations)) {
  test(`${name}: layers show as one tree, and what is written stays under its name until it is removed`, async () => {
    await using images = await Images.open();
    await images.put(
      'app',
      layers.map((script) => layerOf(tarOf(script, '--xattrs'))),
    );
    const lower = await images.unpack('app');
    const place = join(images.directory, 'snapshots');
    const snapshots = await open(place);
    const root = await snapshots.make('one', lower);
    const first = await visit(root, (path) => {
      const lines = listTree(path).map((line) => line.replace(/ \d{15,} /, ' '));
      writeFileSync(join(path, 'a/changed'), 'written');
      execFileSync('rm', ['-r', join(path, 'b')]);
      return lines;
    });
    assert.deepEqual(
      first.map((line) => line.split(' ').slice(0, 4).join(' ')),
      [
        '. directory 751 0:0',
        'a directory 755 0:0',
        'a/changed file 644 0:0',
        'a/kept file 644 0:0',
        'a/second file 644 0:0',
        'b directory 755 0:0',
        'b/new file 644 12:34',
      ],
    );
    assert.match(first.find((line) => line.startsWith('a/changed')) ?? '', /user\.word=78/);
    assert.match(first.find((line) => line.startsWith('a/second')) ?? '', /='a\/kept'/);
    const again = await open(place);
    await visit(await again.make('one', lower), (path) => {
      assert.equal(readFileSync(join(path, 'a/changed'), 'utf8'), 'written');
      assert.deepEqual(readdirSync(path), ['a']);
    });
    await visit(await again.make('two', lower), (path) => assert.deepEqual(readdirSync(path).sort(), ['a', 'b']));
    assert.deepEqual((await again.list()).sort(), ['one', 'two']);
    await again.remove('one');
    await again.remove('nobody');
    assert.deepEqual(await again.list(), ['two']);
    await visit(await again.make('one', lower), (path) => assert.equal(existsSync(join(path, 'b/new')), true));
    await assert.rejects(
      (async () => visit(await again.make('three', [join(place, 'nowhere')]), () => {}))(),
      /nowhere/,
    );
  });

  test(`${name}: what a container changed is listed, and becomes a layer of an image, the same each time`, async () => {
    await using images = await Images.open();
    await images.put('app', [baseLayer(), ...layers.map((script) => layerOf(tarOf(script, '--xattrs')))]);
    const lower = await images.unpack('app');
    const snapshots = await open(join(images.directory, 'snapshots'));
    const root = await snapshots.make('one', lower);
    assert.equal(await snapshots.isUnwritten('one'), true);
    assert.deepEqual(await changesOf(root, packProgram), []);
    await using agent = new Agent();
    await agent.start();
    // What only a close look tells: another content of the same size and time, and one of a directory that was moved.
    const close = 'touch -r /b/new /tmp/time; rm /b/new; echo 9 > /b/new; touch -r /tmp/time /b/new; rm /tmp/time';
    await run(
      agent,
      root,
      `echo changed > /etc/os-release; rm /etc/group; mkdir /new; echo word > /new/file; ${close}`,
    );
    await run(
      agent,
      root,
      'chmod 700 /bin/busybox; ln /a/kept /a/third; rm /a/second; mv /b /c; mkdir /tmp/.wh.x; rmdir /tmp/.wh.x',
    );
    assert.equal(await snapshots.isUnwritten('one'), false);
    const told = (await changesOf(root, packProgram)).map(({ kind, path }) => `${kind} ${path}`);
    assert.deepEqual(told, listed);
    const base = await images.library.find('app');
    const options = {
      store: images.content,
      program: packProgram,
      config: { Cmd: ['cat', '/new/file'] },
      created: '2026-01-01T00:00:00Z',
    };
    const first = await commitChanges(base, root, { ...options, reference: parseReference('made:1') });
    assert.equal((await commitChanges(base, root, options)).digest, first.digest);
    const made = await images.library.find('made:1');
    assert.equal(made.config.rootfs.diff_ids.length, 5);
    committed.set(name, made.config.rootfs.diff_ids.at(-1) ?? '');
    assert.equal(new Set(committed.values()).size, 1, 'the same change is the same layer, however it was found');
    assert.deepEqual((await images.library.history('made:1'))[0]?.created_by, 'commit');
    const again = await snapshots.make('two', await images.unpack('made:1'));
    const script = 'cat /new/file /etc/os-release /c/new; ls /etc/group /b /a/second 2>/dev/null || echo gone';
    const expected = ['word', 'changed', '9', 'gone'].map((line) => `stdout F ${line}`);
    assert.deepEqual(await run(agent, again, script), expected);
    execFileSync('rm', ['-r', join(images.directory, 'snapshots')]);
    await assert.rejects(commitChanges(base, root, options), /a layer of the changes: .*snapshots/);
    assert.deepEqual(readdirSync(join(images.directory, 'images/ingest')), []);
  });

  test(`${name}: a container runs on it, and all of it is exported, the same each time, as an image that runs`, async () => {
    await using images = await Images.open();
    await addBaseImage(images.content, baseImage);
    const snapshots = await open(join(images.directory, 'snapshots'));
    await using agent = new Agent();
    await agent.start();
    const root = await snapshots.make('one', await images.unpack('proa/base'));
    await run(
      agent,
      root,
      'echo word > /tmp/file; ln /tmp/file /tmp/second; rm /etc/group; mkdir /new; mkfifo /new/pipe',
    );
    const exported = async () => {
      const { output, done } = exportRoot(root, packProgram);
      const [bytes] = await Promise.all([buffer(output), done]);
      return bytes;
    };
    const bytes = await exported();
    assert.ok(bytes.equals(await exported()));
    await importImage(images.content, Readable.from([bytes]), { reference: parseReference('exported') });
    const [only = '', ...more] = await images.unpack('exported');
    assert.deepEqual(more, []);
    assert.deepEqual(listTree(only), await visit(root, listTree));
    const other = await snapshots.make('two', [only]);
    const script = 'cat /tmp/second; ls /etc/group 2>/dev/null || echo gone; test -p /new/pipe && id -un';
    assert.deepEqual(await run(agent, other, script), ['stdout F word', 'stdout F gone', 'stdout F root']);
    const failing = exportRoot({ kind: 'directory', path: join(images.directory, 'nowhere') }, packProgram);
    failing.output.resume();
    await assert.rejects(failing.done, /the archive of the root filesystem: .*nowhere/);
  });
}

test('an overlay becomes a copy where there can be none any more, and a copy stays one where there can be', async () => {
  await using images = await Images.open();
  await addBaseImage(images.content, baseImage);
  const lower = await images.unpack('proa/base');
  const places = placesIn(join(images.directory, 'snapshots'));
  await using agent = new Agent();
  await agent.start();
  const told = async (root: SnapshotRoot) => (await changesOf(root, packProgram)).map(({ kind, path }) => kind + path);
  const before = await AnySnapshots.open(places, { programs });
  const overlay = await before.make('one', lower);
  // The same size and times, and a content of its own.
  await run(agent, overlay, 'sed -i s/root/toor/ /etc/passwd; touch -r /etc/group /etc/passwd; rm -r /tmp; mkdir /tmp');
  await run(agent, overlay, 'rm /etc/group; echo 1 > /tmp/kept');
  const changes = await told(overlay);
  assert.ok(changes.includes('D/etc/group'), changes.join());
  const refused = await AnySnapshots.open(places, { programs, refusal: 'for a test' });
  const copy = await refused.make('one', lower);
  assert.equal(copy.kind, 'directory');
  assert.deepEqual(readdirSync(places.overlays), []);
  assert.deepEqual(await told(copy), changes);
  assert.deepEqual(await run(agent, copy, 'ls /tmp; echo 2 > /tmp/more'), ['stdout F kept']);
  const after = await AnySnapshots.open(places, { programs });
  const still = await after.make('one', lower);
  assert.deepEqual(await run(agent, still, 'ls /tmp'), ['stdout F kept', 'stdout F more']);
  assert.equal((await after.make('two', lower)).kind, 'overlay');
  assert.deepEqual((await after.list()).sort(), ['one', 'two']);
  assert.deepEqual([await after.isUnwritten('one'), await after.isUnwritten('two')], [false, true]);
  await after.remove('one');
  assert.deepEqual(readdirSync(places.copies), []);
});

test('layers on a file system without whiteouts have them as files, and are made anew for an overlay', async () => {
  await using images = await Images.open();
  await images.put(
    'app',
    layers.map((script) => layerOf(tarOf(script, '--xattrs'))),
  );
  const names = async (whiteouts: 'overlay' | 'files') => {
    const store = await LayerStore.open(images.layersPath, { program, whiteouts });
    const lower = await store.unpack(await images.library.find('app'), { content: images.content });
    await store[Symbol.asyncDispose]();
    return {
      lower,
      files: lower.map((path) => execFileSync('find', ['-name', '.wh.*'], { cwd: path, encoding: 'utf8' })),
    };
  };
  const { lower, files } = await names('files');
  assert.deepEqual(
    files.map((text) => text.split('\n').sort().join(' ').trim()),
    ['./a/.wh.deep', './a/.wh.gone ./b/.wh..wh..opq', ''],
  );
  const copies = await CopiedSnapshots.open(join(images.directory, 'copies'), programs);
  const root = await copies.make('one', lower);
  assert.deepEqual(await changesOf(root, packProgram), []);
  assert.equal(root.kind, 'directory');
  assert.deepEqual(listNames(root.kind === 'directory' ? root.path : ''), ['a/changed', 'a/kept', 'a/second', 'b/new']);
  assert.deepEqual((await names('overlay')).files, ['', '', '']);
  // The same copy, of layers that are written otherwise now.
  assert.deepEqual(await changesOf(root, packProgram), []);
  assert.deepEqual((await names('files')).files, ['', '', '']);
});

function listNames(path: string): string[] {
  return execFileSync('find', ['-type', 'f', '-printf', '%P\n'], { cwd: path, encoding: 'utf8' })
    .trim()
    .split('\n')
    .sort();
}

test('a container sees images read-only: as its root, and as mounts', async () => {
  await using images = await Images.open();
  await addBaseImage(images.content, baseImage);
  await images.put('one', [layerOf(tarOf('echo 1 > one'))]);
  await images.put('two', [layerOf(tarOf('echo 1 > low; echo 1 > both')), layerOf(tarOf('echo 2 > both'))]);
  const [base = '', one, two] = [
    (await images.unpack('proa/base'))[0],
    await images.unpack('one'),
    await images.unpack('two'),
  ];
  await using agent = new Agent();
  await agent.start();
  const script = 'cat /mnt/one /media/low /media/both; for at in / /mnt /media; do touch $at/x 2>&1; done; true';
  for (const root of [imageRoot([base]), imageRoot([...two, base])]) {
    const id = await agent.create({
      args: ['sh', '-c', script],
      config(config) {
        if (root.kind === 'directory') config.root.path = root.path;
        config.mounts = [
          ...(config.mounts ?? []),
          imageMount(imageRoot(one), '/mnt'),
          imageMount(imageRoot(two), '/media'),
        ];
      },
      request: root.kind === 'overlay' ? { overlay: root.overlay } : {},
    });
    assert.equal((await agent.ended(id)).status, 0);
    const refused = ['//x', '/mnt/x', '/media/x'].map((path) => `stdout F touch: ${path}: Read-only file system`);
    assert.deepEqual(agent.log(id), ['stdout F 1', 'stdout F 1', 'stdout F 2', ...refused]);
  }
});

test('layers are unpacked with the owners of a user namespace, beside those without', async () => {
  await using images = await Images.open();
  await images.put('app', [layerOf(tarOf('mkdir d; echo x > d/f; chown 5:6 d/f', '--no-recursion', 'd', 'd/f'))]);
  const range = [{ containerID: 0, hostID: 100_000, size: 1000 }];
  const mappings = { uid: range, gid: [{ containerID: 0, hostID: 200_000, size: 1000 }] };
  const [mapped = ''] = await images.unpack('app', [], mappings);
  const [plain = ''] = await images.unpack('app');
  assert.notEqual(mapped, plain);
  const owner = (path: string) => [statSync(path).uid, statSync(path).gid];
  assert.deepEqual(
    [owner(mapped), owner(join(mapped, 'd')), owner(join(mapped, 'd/f'))],
    [
      [100_000, 200_000],
      [100_000, 200_000],
      [100_005, 200_006],
    ],
  );
  assert.deepEqual(owner(join(plain, 'd/f')), [5, 6]);
  const { overlay } = (await (await Snapshots.open(join(images.directory, 'snapshots'))).make('one', [mapped])) as {
    overlay: { upper: string };
  };
  assert.deepEqual(owner(overlay.upper), [100_000, 200_000]);
  await images.layers[Symbol.asyncDispose]();
  await images.openLayers('another boot');
  const [diffId] = await images.layers.list();
  assert.ok(diffId);
  assert.equal(await images.layers.has(diffId, mappings), true);
  assert.equal(await images.layers.has(diffId, { uid: range, gid: range }), false);
  const small = { uid: [{ containerID: 0, hostID: 7, size: 1 }], gid: range };
  await assert.rejects(images.unpack('app', [], small), /uid 5 is in none of the mapped ranges/);
  await assert.rejects(images.unpack('app', [], { uid: [], gid: range }), /hold none for 0/);
  assert.deepEqual(await images.layers.collect(() => false), [diffId]);
  assert.deepEqual(readdirSync(images.layersPath), []);
});
