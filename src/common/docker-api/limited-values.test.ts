import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf } from '../errors.ts';
import { checkHonoured, isHonoured, limitedValues } from './limited-values.ts';

test('isHonoured() takes NAME in a value for any text, and everything else as it is', () => {
  for (const mode of ['none', 'host', 'container:a', 'container:a:b', 'container:'])
    assert.equal(isHonoured('HostConfig.NetworkMode', mode), true, mode);
  for (const mode of ['bridge', 'container', 'a-container:b', 'NAME', ''])
    assert.equal(isHonoured('HostConfig.NetworkMode', mode), false, mode);
  assert.equal(isHonoured('HostConfig.ExtraHosts', 'a:host-gateway'), false);
  assert.equal(isHonoured('HostConfig.ExtraHosts', 'host-gateway:1.2.3.4'), true);
  assert.equal(isHonoured('Volume.ClusterVolumeSpec', '{"Group":"a"}'), false);
});

test('checkHonoured() names the field, the value and what there is', () => {
  assert.throws(
    () => checkHonoured('HostConfig.VolumeDriver', 'nfs'),
    (error: Error) =>
      /HostConfig.VolumeDriver: "nfs" is not supported/.test(error.message) && kindOf(error) === 'unsupported',
  );
});

test('limitedValues() tells all of it by owner and field', () => {
  const found = limitedValues().find(({ field }) => field === 'NetworkMode');
  assert.deepEqual(found, {
    owner: 'HostConfig',
    field: 'NetworkMode',
    values: 'all but `none`, `host`, `container:NAME`',
  });
});
