import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Container } from './container.ts';
import { Containers } from './containers.ts';
import type { ContainerRecord } from './record.ts';

const listener = { notice() {}, ended() {}, lost() {} };
const container = (id: string, name: string) =>
  new Container({ id, name } as ContainerRecord, { run: '/nowhere', listener });

test('Containers finds by id, name, and the beginning of an id', () => {
  const all = new Containers();
  const [a, b] = [container(`ab${'0'.repeat(62)}`, 'web'), container(`ac${'0'.repeat(62)}`, 'ab')];
  all.add(a);
  all.add(b);
  assert.equal(all.find('web'), a);
  assert.equal(all.find('/web'), a);
  assert.equal(all.find(a.id), a);
  assert.equal(all.find('ac'), b);
  // A name comes before the beginning of an id.
  assert.equal(all.find('ab'), b);
  assert.throws(() => all.find('a'), /Multiple IDs found/);
  assert.throws(() => all.find('none'), /No such container: none/);
});

test('Containers gives a name to one container', () => {
  const all = new Containers();
  assert.equal(all.claimName('/web', '1'), 'web');
  assert.throws(() => all.claimName('web', '2'), /name "\/web" is already in use by container "1"/);
  all.releaseName('web', '2');
  assert.equal(all.hasName('web'), true);
  all.releaseName('web', '1');
  assert.equal(all.claimName('web', '2'), 'web');
  for (const wrong of ['a', '-web', 'a/b', 'a b', ''])
    assert.throws(() => all.claimName(wrong, '3'), /Invalid container name/);
});

test('Containers.add leaves a name with whom it belongs to', () => {
  const all = new Containers();
  const [has, wants] = [container('1', 'web'), container('2', 'web')];
  all.add(has);
  all.add(wants);
  assert.equal(all.find('web'), has);
  all.remove(wants);
  assert.equal(all.find('web'), has);
});

const aTurn = () => new Promise((later) => setImmediate(later));

test('Container.whenExpectedBy resolves when so many have attached and wait', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const one = container('1', 'web');
  const whom = { attached: 1, waiting: 2 };
  let resolved = false;
  const expected = one.whenExpectedBy(whom, new AbortController().signal).then(() => {
    resolved = true;
  });
  for (const come of [() => one.onNextStart(async () => {}), () => void one.nextEnd(), () => void one.nextGone()]) {
    await aTurn();
    assert.equal(resolved, false);
    come();
  }
  await expected;
});

test('Container.whenExpectedBy resolves when nobody needs it any more, and refuses after a few seconds', async ({
  mock,
}) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const one = container('1', 'web');
  const whom = { attached: 1, waiting: 1 };
  const client = new AbortController();
  const left = one.whenExpectedBy(whom, client.signal);
  client.abort();
  await left;
  await one.whenExpectedBy(whom, client.signal);
  const late = one.whenExpectedBy(whom, new AbortController().signal);
  one.onNextStart(async () => {});
  mock.timers.tick(5000);
  mock.timers.tick(100);
  await assert.rejects(late, /1 was not started: of 1 clients 1 attached, and of 1 0 waited for its end/);
  const removed = one.whenExpectedBy(whom, new AbortController().signal);
  one.tellRemoved();
  await removed;
});
