import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { kindOf } from '#common/errors.ts';
import { VolumeStore } from './store.ts';

async function withStore(body: (store: VolumeStore, root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'proa-volumes-'));
  try {
    await body(await VolumeStore.open(root), root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('VolumeStore: who makes and who removes one name at a time do not disturb each other', () =>
  withStore(async (store, root) => {
    const work = Array.from({ length: 60 }, (_, at) =>
      at % 3 === 0 ? store.remove('one') : store.create({ name: 'one' }).then(() => {}),
    );
    for (const outcome of await Promise.allSettled(work))
      if (outcome.status === 'rejected') assert.equal(kindOf(outcome.reason), 'not-found', String(outcome.reason));
    assert.deepEqual(readdirSync(root), store.has('one') ? ['one'] : []);
    await store.create({ name: 'one' });
    assert.ok(existsSync(store.directory('one')));
    await store.remove('one');
    assert.deepEqual(readdirSync(root), []);
  }));

test('VolumeStore: two who ask for a name get one volume, other options are refused', () =>
  withStore(async (store) => {
    const [first, second] = await Promise.all([store.create({ name: 'one' }), store.create({ name: 'one' })]);
    assert.equal(first, second);
    const options = { type: 'none', o: 'bind', device: '/tmp' };
    await assert.rejects(store.create({ name: 'one', options }), /exists with other options/);
    await assert.rejects(store.create({ name: '../up' }), /invalid characters/);
  }));
