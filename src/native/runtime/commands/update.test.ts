import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateResources } from '#common/runtime-spec/validate.ts';
import { parseOptions } from '#native/options.ts';
import { formerValues, mergeResources, withPartners } from './merge-resources.ts';
import { resourceOptions, resourcesFromOptions } from './resource-options.ts';

const resources = (...words: string[]) => validateResources(resourcesFromOptions(parseOptions(resourceOptions, words)));

test('resourcesFromOptions() puts each option in its field', () => {
  assert.deepEqual(resources('--memory', '64m', '--memory-swap', '-1', '--cpu-quota', '-1', '--cpuset-cpus=0-1'), {
    memory: { limit: 67108864, swap: -1 },
    cpu: { quota: -1, cpus: '0-1' },
  });
  assert.deepEqual(resources('--pids-limit', '5', '--blkio-weight', '20', '--cpu-idle', '1', '--cpu-share', ''), {
    pids: { limit: 5 },
    blockIO: { weight: 20 },
    cpu: { idle: 1 },
  });
});

test('resourcesFromOptions() names the option that is wrong', () => {
  assert.throws(() => resources('--memory', 'much'), { kind: 'invalid', message: /option --memory: expected a size/ });
  assert.throws(() => resources('--cpu-quota', '1.5'), {
    kind: 'invalid',
    message: /option --cpu-quota: expected a whole/,
  });
});

test('mergeResources() replaces what is named, device by device', () => {
  const before = {
    memory: { limit: 5, swap: 6 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }], weight: 10 },
  };
  const update = {
    memory: { limit: 7 },
    pids: { limit: 3 },
    blockIO: {
      throttleReadBpsDevice: [
        { major: 8, minor: 0, rate: 2 },
        { major: 8, minor: 16, rate: 3 },
      ],
    },
  };
  assert.deepEqual(mergeResources(before, update), {
    memory: { limit: 7, swap: 6 },
    blockIO: { throttleReadBpsDevice: update.blockIO.throttleReadBpsDevice, weight: 10 },
    pids: { limit: 3 },
  });
  assert.deepEqual(mergeResources(before, { memory: { limit: -1 } }).memory, { limit: -1 });
});

test('withPartners() adds the values that version 2 computes with', () => {
  const merged = { memory: { limit: 7, swap: 9, reservation: 1 }, cpu: { quota: 1, period: 2, shares: 3 } };
  assert.deepEqual(withPartners({ memory: { limit: 7 }, cpu: { period: 2 } }, merged), {
    memory: { limit: 7, swap: 9 },
    cpu: { quota: 1, period: 2 },
  });
  assert.deepEqual(withPartners({ memory: { reservation: 1 } }, merged), { memory: { reservation: 1 } });
});

test('formerValues() is what to go back to', () => {
  const before = { memory: { limit: 5, reservation: 2 }, pids: { limit: 4 } };
  assert.deepEqual(formerValues(before, { memory: { limit: 9, swap: 10 }, cpu: { shares: 2 } }), {
    memory: { limit: 5 },
  });
});
