import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerCapabilities, hostCapabilities } from './capabilities.ts';

const all = hostCapabilities();

test('containerCapabilities() begins with Docker’s, and adds and drops by name', () => {
  assert.equal(containerCapabilities({}).length, 14);
  const changed = containerCapabilities({ CapAdd: ['net_admin'], CapDrop: ['CAP_CHOWN', 'Kill'] });
  assert.ok(changed.includes('CAP_NET_ADMIN'));
  assert.equal(changed.length, 13);
  assert.deepEqual(containerCapabilities({ CapDrop: ['ALL'] }), []);
  assert.deepEqual(containerCapabilities({ CapDrop: ['all'], CapAdd: ['CHOWN'] }), ['CAP_CHOWN']);
});

test('containerCapabilities() gives all that there are for ALL and for a privileged container', () => {
  assert.deepEqual(containerCapabilities({ Privileged: true, CapDrop: ['CHOWN'] }), all);
  assert.deepEqual(
    containerCapabilities({ CapAdd: ['ALL'], CapDrop: ['CAP_CHOWN'] }),
    all.filter((name) => name !== 'CAP_CHOWN'),
  );
});

test('containerCapabilities() refuses what is none', () => {
  assert.throws(() => containerCapabilities({ CapAdd: ['FLY'] }), /HostConfig\.CapAdd: unknown capability: "FLY"/);
});
