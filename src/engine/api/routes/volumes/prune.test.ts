import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Containers } from '../../../containers/containers.ts';
import { withStore } from '../../../volumes/sample.ts';
import type { Call } from '../../operation.ts';
import { pruneVolumes } from './prune.ts';

test('a volume that a container gets while it is measured is not pruned', () =>
  withStore(async ({ store }) => {
    const containers = new Containers();
    for (const name of ['wanted', 'unwanted']) await store.create({ name });
    const { name: anonymous } = await store.create({});
    const size = store.size.bind(store);
    store.size = async (name) => {
      if (name === 'wanted') await store.create({ name, claimedBy: 'a container' });
      return await size(name);
    };
    const events: string[] = [];
    const engine = {
      volumes: store,
      containers,
      events: { emit: (...words: string[]) => events.push(words[2] ?? '') },
    };
    const call = { engine, query: { filters: { all: ['1'] } }, version: 1044 } as unknown as Call;
    assert.deepEqual((await pruneVolumes.answer(call))?.json, {
      VolumesDeleted: ['unwanted', anonymous],
      SpaceReclaimed: 0,
    });
    assert.deepEqual(events, ['unwanted', anonymous]);
    assert.deepEqual(store.list(), [store.get('wanted')]);
  }));
