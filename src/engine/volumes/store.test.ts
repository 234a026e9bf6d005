import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { withStore } from './sample.ts';

const unused = () => false;

test('VolumeStore: who makes and who removes one name at a time do not disturb each other', () =>
  withStore(async ({ store, root }) => {
    const work = Array.from({ length: 60 }, async (_, at) => {
      if (at % 3 === 0) await store.remove('one', unused);
      else await store.create({ name: 'one' });
    });
    await Promise.all(work);
    assert.deepEqual(readdirSync(root), store.has('one') ? ['one'] : []);
    await store.create({ name: 'one' });
    assert.ok(existsSync(store.directory('one')));
    assert.equal(await store.remove('one', unused), true);
    assert.deepEqual(readdirSync(root), []);
    assert.equal(await store.remove('one', unused), false);
  }));

test('VolumeStore: two who ask for a name get one volume, other options are refused', () =>
  withStore(async ({ store }) => {
    const [first, second] = await Promise.all([store.create({ name: 'one' }), store.create({ name: 'one' })]);
    assert.equal(first, second);
    const options = { type: 'none', o: 'bind', device: '/tmp' };
    await assert.rejects(store.create({ name: 'one', options }), /exists with other options/);
    await assert.rejects(store.create({ name: '../up' }), /invalid characters/);
  }));

test('VolumeStore: who asked for a volume before its removal has its turn keeps it', () =>
  withStore(async ({ store }) => {
    await store.create({ name: 'one' });
    // Its removal was decided on when nobody used it, and waits for what is under way.
    let users = 0;
    const before = store.create({ name: 'one' }).then(() => users++);
    const removal = store.remove('one', () => users > 0);
    await before;
    assert.equal(await removal, false);
    assert.ok(existsSync(store.directory('one')));
  }));

test('VolumeStore: what is claimed for a container that is being made stays until that is given up', () =>
  withStore(async ({ store }) => {
    const { name } = await store.create({ claimedBy: 'a' });
    await store.claim(name, 'b');
    assert.deepEqual(store.claimants(name), ['a', 'b']);
    store.dropClaims('a');
    assert.equal(await store.remove(name, unused), false);
    store.dropClaims('b');
    // Who comes while it goes is told, or has it made anew.
    const [removed, claim, made] = await Promise.allSettled([
      store.remove(name, unused),
      store.claim(name, 'c'),
      store.create({ name, claimedBy: 'd' }),
    ]);
    assert.deepEqual([removed.status, claim.status, made.status], ['fulfilled', 'rejected', 'fulfilled']);
    assert.deepEqual([store.has(name), existsSync(store.directory(name)), store.claimants(name)], [true, true, ['d']]);
  }));
