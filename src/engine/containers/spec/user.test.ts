import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveUser } from './user.ts';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken\nweb:x:1000:1001::/home/web:/bin/sh\n',
  group: 'root:x:0:\nweb:x:1001:\nlog:x:4:web,other\nwheel:x:10:root\n',
};

test('resolveUser() takes names and numbers from the container’s own files', () => {
  assert.deepEqual(resolveUser('', files), { uid: 0, gid: 0, additionalGids: [0, 10] });
  assert.deepEqual(resolveUser('web', files), { uid: 1000, gid: 1001, additionalGids: [1001, 4] });
  assert.deepEqual(resolveUser('1000', files), { uid: 1000, gid: 1001, additionalGids: [1001, 4] });
  assert.deepEqual(resolveUser('web:log', files), { uid: 1000, gid: 4, additionalGids: [4] });
  assert.deepEqual(resolveUser('1234:5678', files), { uid: 1234, gid: 5678, additionalGids: [5678] });
  assert.deepEqual(resolveUser('1234', files), { uid: 1234, gid: 0, additionalGids: [0] });
});

test('resolveUser() adds groups that were asked for, and does without files', () => {
  assert.deepEqual(resolveUser('web', files, ['wheel', '77']).additionalGids, [1001, 4, 10, 77]);
  assert.deepEqual(resolveUser('5', { passwd: null, group: null }), { uid: 5, gid: 0, additionalGids: [0] });
});

test('resolveUser() refuses names that are not there', () => {
  assert.throws(() => resolveUser('nobody', files), /unable to find user nobody/);
  assert.throws(() => resolveUser('web:none', files), /unable to find group none/);
  assert.throws(() => resolveUser('-1', files), /unable to find user -1/);
  assert.throws(() => resolveUser('99999999999', files), /unable to find user/);
});
