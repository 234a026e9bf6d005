import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDefaults } from './defaults.ts';

const image = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['A=1', 'B=2'],
  Labels: { a: '1' },
  User: 'web',
  WorkingDir: '/srv',
  Volumes: { '/data': {} },
  Healthcheck: { Test: ['CMD', 'check'], Interval: 5e9, Retries: 2 },
};

test('withDefaults() takes from the image what was not asked for', () => {
  const config = withDefaults({ Image: 'i', Env: ['B=3', 'C=4'], Labels: { b: '2' }, Volumes: { '/more': {} } }, image);
  assert.deepEqual(config.Env, ['A=1', 'B=3', 'C=4']);
  assert.deepEqual(config.Labels, { a: '1', b: '2' });
  assert.deepEqual([config.Entrypoint, config.Cmd], [['/entry'], ['serve']]);
  assert.deepEqual([config.User, config.WorkingDir], ['web', '/srv']);
  assert.deepEqual(Object.keys(config.Volumes ?? {}), ['/data', '/more']);
});

test('withDefaults(): an entry point that was asked for does not get the image’s arguments; an empty one takes it away', () => {
  const own = withDefaults({ Image: 'i', Entrypoint: ['/own'] }, image);
  assert.deepEqual([own.Entrypoint, own.Cmd], [['/own'], undefined]);
  const none = withDefaults({ Image: 'i', Entrypoint: [''], Cmd: ['sh'] }, image);
  assert.deepEqual([none.Entrypoint, none.Cmd], [[], ['sh']]);
  const other = withDefaults({ Image: 'i', Cmd: ['other'] }, image);
  assert.deepEqual([other.Entrypoint, other.Cmd], [['/entry'], ['other']]);
});

test('withDefaults() changes of a health check what was asked for', () => {
  const config = withDefaults({ Image: 'i', Healthcheck: { Retries: 7 } }, image);
  assert.deepEqual(config.Healthcheck, { Test: ['CMD', 'check'], Interval: 5e9, Retries: 7 });
});

test('withDefaults(): a name alone takes the image’s variable away', () => {
  assert.deepEqual(withDefaults({ Image: 'i', Env: ['A'] }, image).Env, ['B=2']);
});
