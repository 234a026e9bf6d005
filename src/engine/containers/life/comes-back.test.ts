import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState } from '#common/protocol/container.ts';
import type { ContainerRecord } from '../record.ts';
import { comesBack, mayComeBack } from './comes-back.ts';

const record = (policy: string, more: Partial<ContainerRecord> = {}) =>
  ({ started: true, host: { RestartPolicy: { Name: policy } }, ...more }) as ContainerRecord;
const end = (status: number, stopped: boolean) => ({ exit: { status }, stopped }) as ContainerState;
const withSystem = { endedWithSystem: true };

test('comesBack() starts what was lost, but for what has no policy', () => {
  for (const policy of ['always', 'unless-stopped', 'on-failure'])
    assert.equal(comesBack(record(policy), undefined), true);
  for (const policy of ['no', '']) assert.equal(comesBack(record(policy), undefined), false);
});

test('comesBack() leaves what somebody stopped, but for "always"', () => {
  assert.equal(comesBack(record('always'), end(0, true)), true);
  for (const policy of ['unless-stopped', 'on-failure', 'no'])
    assert.equal(comesBack(record(policy), end(1, true)), false);
});

test('comesBack() takes a signal that was no stop for one with "unless-stopped" alone', () => {
  const signalled = { ...end(1, false), signalled: true };
  assert.equal(comesBack(record('unless-stopped'), signalled), false);
  assert.equal(comesBack(record('always'), signalled), true);
});

test('comesBack() starts what ended with the system', () => {
  assert.equal(comesBack(record('unless-stopped', withSystem), end(143, true)), true);
  assert.equal(comesBack(record('on-failure', withSystem), end(143, true)), true);
  assert.equal(comesBack(record('on-failure', withSystem), end(0, true)), false);
  assert.equal(comesBack(record('no', withSystem), end(143, true)), false);
});

test('mayComeBack() is true for what has been started and has a policy', () => {
  assert.equal(mayComeBack(record('always')), true);
  assert.equal(mayComeBack(record('always', { started: false })), false);
  assert.equal(mayComeBack(record('always', { removing: true })), false);
  assert.equal(mayComeBack(record('no')), false);
});
