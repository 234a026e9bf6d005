// Root filesystems of containers: every way to make one holds what all of them promise.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { importImage } from '#engine/images/archive/import.ts';
import { addBaseImage } from '#engine/images/embedded/base.ts';
import { AnySnapshots } from '#engine/images/layers/any-snapshots.ts';
import { CopiedSnapshots } from '#engine/images/layers/copied-snapshots.ts';
import { exportRoot } from '#engine/images/layers/export.ts';
import { imageMount, imageRoot } from '#engine/images/layers/image-mount.ts';
import { type SnapshotRoot, type SnapshotStore, Snapshots } from '#engine/images/layers/snapshots.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { Agent } from './support/agent.ts';
import { baseImage, Images, layerOf, packProgram, program, tarOf } from './support/images.ts';
import { mountOverlay } from './support/overlay.ts';
import { listTree } from './support/unpack.ts';

const programs = { pack: packProgram, unpack: program };

const implementations: Record<string, (root: string) => Promise<SnapshotStore>> = {
  overlay: (root) => Snapshots.open(root),
  copy: (root) => CopiedSnapshots.open(root, programs),
  any: (root) => AnySnapshots.open(root, programs),
};

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

test('where the kernel refuses an overlay, a copy takes its place, also for the next', async () => {
  await using images = await Images.open();
  await addBaseImage(images.content, baseImage);
  const lower = await images.unpack('proa/base');
  await using agent = new Agent();
  await agent.start();
  // An overlay cannot be the upper directory of another.
  const place = join(images.directory, 'place');
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(place, name), { recursive: true });
  const options = `lowerdir=${place}/lower,upperdir=${place}/upper,workdir=${place}/work`;
  mountOverlay(options, join(place, 'merged'));
  try {
    const snapshots = await AnySnapshots.open(join(place, 'merged'), programs);
    const kinds: string[] = [];
    const start = (root: SnapshotRoot) => {
      kinds.push(root.kind);
      return run(agent, root, 'cat /tmp/word 2>/dev/null; echo hello > /tmp/word');
    };
    assert.deepEqual(await snapshots.with('one', lower, start), []);
    assert.deepEqual(await snapshots.with('one', lower, start), ['stdout F hello']);
    assert.deepEqual(await snapshots.with('two', lower, start), []);
    assert.deepEqual(kinds, ['overlay', 'directory', 'directory', 'directory']);
    assert.deepEqual((await snapshots.list()).sort(), ['one', 'two']);
    // What fails for another reason is not tried on a copy.
    const wrong = snapshots.with('two', lower, () => Promise.reject(new Error('something else')));
    await assert.rejects(wrong, /something else/);
  } finally {
    execFileSync('umount', [join(place, 'merged')]);
  }
});

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
        config.mounts = [...(config.mounts ?? []), imageMount(one, '/mnt'), imageMount(two, '/media')];
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
