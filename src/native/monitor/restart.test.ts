import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ended, restartDelay } from './restart.ts';

const ended = (changes: Partial<Ended> = {}, status = 1): Ended => ({
  exit: { status, outOfMemory: false, at: '' },
  started: true,
  stopped: false,
  unhealthy: false,
  restarts: 0,
  ranMilliseconds: 5,
  lastDelay: 0,
  ...changes,
});

test('restartDelay() doubles from 100 ms to a minute, and begins anew after ten seconds of running', () => {
  const delays = [];
  let lastDelay = 0;
  for (let count = 0; count < 12; count++) {
    lastDelay = restartDelay({ policy: 'always' }, ended({ lastDelay })) ?? -1;
    delays.push(lastDelay);
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
  assert.equal(restartDelay({ policy: 'always' }, ended({ lastDelay, ranMilliseconds: 10_000 })), 100);
});

test('restartDelay() leaves a container that was stopped alone', () => {
  for (const policy of ['always', 'unless-stopped', 'on-failure', 'on-unhealthy'] as const)
    assert.equal(restartDelay({ policy }, ended({ stopped: true, unhealthy: true })), undefined);
});

test('restartDelay() takes a signal that was no stop for one with "unless-stopped" alone', () => {
  assert.equal(restartDelay({ policy: 'unless-stopped' }, ended({ signalled: true })), undefined);
  for (const policy of ['always', 'on-failure'] as const)
    assert.equal(restartDelay({ policy }, ended({ signalled: true })), 100);
});

test('restartDelay() never starts what was only made', () => {
  assert.equal(restartDelay({ policy: 'always' }, ended({ started: false })), undefined);
});

test('restartDelay() on-failure: counts, and only failures', () => {
  const settings = { policy: 'on-failure', maximumRetries: 2 } as const;
  assert.equal(restartDelay(settings, ended({}, 0)), undefined);
  assert.equal(restartDelay(settings, ended({ restarts: 1 })), 100);
  assert.equal(restartDelay(settings, ended({ restarts: 2 })), undefined);
  assert.equal(restartDelay({ policy: 'on-failure' }, ended({ restarts: 1000 })), 100);
});

test('restartDelay() on-unhealthy: only what its checks ended', () => {
  assert.equal(restartDelay({ policy: 'on-unhealthy' }, ended()), undefined);
  assert.equal(restartDelay({ policy: 'on-unhealthy', maximumRetries: 1 }, ended({ unhealthy: true })), 100);
  assert.equal(restartDelay({ policy: 'no' }, ended({ unhealthy: true })), undefined);
});
