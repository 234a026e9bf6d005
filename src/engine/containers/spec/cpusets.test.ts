import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf } from '#common/errors.ts';
import { cpuset } from './cpusets.ts';

test('cpuset gives what was asked for where the machine has it', () => {
  for (const asked of ['0', '0-3', '0,2-3', '8', '3,0', '0-0,8-9'])
    assert.equal(cpuset('CpusetCpus', asked, '0-3,8-9'), asked);
  for (const none of [undefined, '']) assert.equal(cpuset('CpusetCpus', none, '0'), undefined);
});

test('cpuset refuses what is not there, and ranges that end before they begin', () => {
  for (const [asked, reason] of [
    ['4', /HostConfig.CpusetCpus: Requested CPUs are not available - requested 4, available: 0-3,8-9/],
    ['0-8', /requested 0-8/],
    ['0,10', /requested 0,10/],
    ['9-4000000000', /not available/],
    ['0,3-1', /HostConfig.CpusetCpus: invalid range 3-1 in "0,3-1"/],
  ] as const)
    assert.throws(
      () => cpuset('CpusetCpus', asked, '0-3,8-9'),
      (error: Error) => reason.test(error.message) && kindOf(error) === 'invalid',
      asked,
    );
  assert.throws(() => cpuset('CpusetMems', '1', '0'), /CpusetMems: Requested memory nodes are not available/);
});

test('cpuset knows this machine', () => {
  for (const field of ['CpusetCpus', 'CpusetMems'] as const)
    assert.throws(() => cpuset(field, '100000'), /not available - requested 100000, available: \d/);
});
