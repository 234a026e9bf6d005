import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostId } from './outside-devices.ts';

test('hostId() follows the mappings of a user namespace', () => {
  const mappings = [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 10, hostID: 100_000, size: 5 },
  ];
  assert.deepEqual(
    [0, 10, 14].map((id) => hostId(id, mappings)),
    [1000, 100_000, 100_004],
  );
});

test('hostId() gives an id without a mapping to nobody', () => {
  assert.equal(hostId(1, [{ containerID: 0, hostID: 0, size: 1 }]), 65534);
  assert.equal(hostId(0), 65534);
});
