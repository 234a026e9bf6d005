import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withStore } from './sample.ts';

const options = { type: 'tmpfs', device: 'tmpfs' };
const unused = () => false;

test('VolumeMounts mounts for the first holder and unmounts after the last', () =>
  withStore(async ({ store, done }) => {
    await store.create({ name: 'memory', options });
    await store.create({ name: 'plain' });
    const { mounts } = store;
    await Promise.all(['a', 'b', 'c'].map((holder) => mounts.hold(['memory', 'plain', 'none'], holder)));
    assert.deepEqual([done, mounts.isHeld('memory'), mounts.isHeld('plain')], [['mount memory'], true, false]);
    await Promise.all([mounts.release('a'), mounts.release('c')]);
    await mounts.release('a');
    assert.equal(done.length, 1);
    // Who comes in the same breath as the last one goes finds it mounted, whichever is first.
    await Promise.all([mounts.release('b'), mounts.hold(['memory'], 'd')]);
    await Promise.all([mounts.hold(['memory'], 'e'), mounts.release('d')]);
    assert.deepEqual(done, ['mount memory', 'unmount memory', 'mount memory']);
    await mounts.release('e');
    assert.deepEqual([done.at(-1), mounts.isHeld('memory')], ['unmount memory', false]);
  }));

test('VolumeMounts takes over holders, and unmounts what is left for nobody', () =>
  withStore(async ({ store, done, mounted }) => {
    for (const name of ['used', 'left', 'clean']) await store.create({ name, options });
    await store.create({ name: 'plain' });
    for (const name of ['used', 'left', 'plain']) mounted.add(name);
    store.mounts.adopt(['used', 'plain'], 'a');
    await store.mounts.releaseLeftovers();
    // What somebody has mounted on a volume that is none is his.
    assert.deepEqual([done, [...mounted]], [['unmount left'], ['used', 'plain']]);
    await store.mounts.release('a');
    assert.deepEqual(done, ['unmount left', 'unmount used']);
  }));

test('a mount that fails keeps its holder until that releases, and the others are mounted', () =>
  withStore(async ({ store, done, mounted }) => {
    for (const name of ['bad', 'good']) await store.create({ name, options });
    const { mounts } = store;
    const has = mounted.has.bind(mounted);
    mounted.has = (name) => {
      if (name === 'bad') throw new Error('no such file system');
      return has(name);
    };
    await assert.rejects(mounts.hold(['bad', 'good'], 'a'), /no such file system/);
    assert.deepEqual([mounts.isHeld('bad'), done], [true, ['mount good']]);
    await assert.rejects(mounts.release('a'), /no such file system/);
    assert.deepEqual([mounts.isHeld('bad'), done], [false, ['mount good', 'unmount good']]);
  }));

test('a volume that was left mounted is unmounted before it is removed, and stays where somebody holds it', () =>
  withStore(async ({ store, done, mounted }) => {
    await store.create({ name: 'memory', options });
    mounted.add('memory');
    store.mounts.adopt(['memory'], 'a');
    assert.equal(await store.remove('memory', unused), false);
    assert.deepEqual(done, []);
    await store.mounts.release('a');
    mounted.add('memory');
    assert.equal(await store.remove('memory', unused), true);
    // What others have mounted on a volume that is none is not unmounted.
    await store.create({ name: 'plain' });
    mounted.add('plain');
    await store.remove('plain', unused);
    assert.deepEqual([done, store.list()], [['unmount memory', 'unmount memory'], []]);
  }));

test('mounting and removing a volume come one after the other', () =>
  withStore(async ({ store, done, mounted }) => {
    await store.create({ name: 'memory', options });
    const [, kept] = await Promise.all([store.mounts.hold(['memory'], 'a'), store.remove('memory', unused)]);
    assert.deepEqual([kept, [...mounted]], [false, ['memory']]);
    await store.mounts.release('a');
    mounted.add('memory');
    const [gone] = await Promise.all([store.remove('memory', unused), store.mounts.hold(['memory'], 'b')]);
    assert.deepEqual([gone, store.mounts.isHeld('memory'), [...mounted]], [true, false, []]);
    assert.deepEqual(done, ['mount memory', 'unmount memory', 'unmount memory']);
  }));
