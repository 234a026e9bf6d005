import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMappings } from './user.ts';

const own = { containerID: 0, hostID: 0, size: 1 };

test('defaultMappings() maps the runtime’s user alone where it has no other ids', () => {
  assert.deepEqual(defaultMappings(''), [own]);
  assert.deepEqual(defaultMappings('someone:100000:65536\ntoor:1:2\n'), [own]);
});

test('defaultMappings() puts subordinate ids above it', () => {
  const both = [own, { containerID: 1, hostID: 165536, size: 65536 }];
  assert.deepEqual(defaultMappings('someone:100000:65536\nroot:165536:65536\n'), both);
  assert.deepEqual(defaultMappings('0:165536:65536'), both);
});
