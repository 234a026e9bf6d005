import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceRule } from '#common/runtime-spec/types.ts';
import { asksForLimits, decidesAll, defaultRules } from './defaults.ts';
import { exceptionList } from './device-rules.ts';

const denyAll: DeviceRule = { allow: false, access: 'rwm' };

function extra(rules: readonly DeviceRule[]): string[] {
  return exceptionList(rules).exceptions.filter((line) => !defaultRules.includes(line));
}

test('exceptionList() starts from the last rule for all devices', () => {
  assert.deepEqual(exceptionList([]), { allowed: false, exceptions: [...defaultRules] });
  assert.deepEqual(exceptionList([{ allow: true }, denyAll]), { allowed: false, exceptions: [...defaultRules] });
  assert.deepEqual(exceptionList([denyAll, { allow: true, access: 'mwr' }]), { allowed: true, exceptions: [] });
});

test('exceptionList() joins rules for the same devices', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
    { allow: true, type: 'b', major: 8, access: 'r' },
    { allow: true, type: 'b', major: 8, minor: -1, access: 'w' },
  ];
  assert.deepEqual(extra(rules), ['b 8:* rw']);
  assert.equal(exceptionList(rules).exceptions.length, defaultRules.length + 1);
});

test('exceptionList() takes back what later rules deny', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'b', major: 8, minor: 0, access: 'rw' },
    { allow: true, type: 'b', major: 8, minor: 1, access: 'rw' },
    { allow: false, type: 'b', major: 8, access: 'w' },
    { allow: false, type: 'b', major: 8, minor: 1, access: 'rwm' },
  ];
  assert.deepEqual(extra(rules), ['b 8:0 r']);
});

test('exceptionList() takes a rule for all types as one for each', () => {
  assert.deepEqual(extra([denyAll, { allow: true, major: 8, minor: 0, access: 'r' }]), ['c 8:0 r', 'b 8:0 r']);
});

test('exceptionList() lists what is denied where all else is allowed', () => {
  const rules: DeviceRule[] = [{ allow: true }, { allow: false, type: 'b', major: 8, access: 'rw' }];
  assert.deepEqual(exceptionList(rules), { allowed: true, exceptions: ['b 8:* rw'] });
});

test('exceptionList() refuses holes, which the kernel would ignore', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'b', access: 'rw' },
    { allow: false, type: 'b', major: 8, minor: 0, access: 'w' },
  ];
  assert.throws(() => exceptionList(rules), {
    kind: 'unsupported',
    message: /cannot deny "b 8:0 w" out of "b \*:\* rw"/,
  });
});

test('decidesAll() needs every device and all access', () => {
  assert.ok(decidesAll({ allow: true }));
  assert.ok(decidesAll({ allow: false, type: 'a', major: -1, minor: -1, access: 'rwm' }));
  assert.ok(!decidesAll({ allow: true, type: 'c' }));
  assert.ok(!decidesAll({ allow: true, access: 'rw' }));
  assert.ok(!decidesAll({ allow: true, major: 8 }));
});

test('asksForLimits() sees through what callers write for nothing', () => {
  // What Docker writes when nobody asked it for limits.
  assert.ok(
    !asksForLimits({ devices: [denyAll], memory: { disableOOMKiller: false }, cpu: {}, blockIO: { weight: 0 } }),
  );
  assert.ok(!asksForLimits({ hugepageLimits: [], rdma: {}, unified: {}, memory: { limit: 0 } }));
  assert.ok(asksForLimits({ pids: { limit: 0 } }));
  assert.ok(asksForLimits({ memory: { swappiness: 0 } }));
  assert.ok(asksForLimits({ unified: { 'cpuset.cpus': '' } }));
  assert.ok(asksForLimits({ hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }));
});

test('exceptionList() takes what Docker writes', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
    { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
    { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
  ];
  assert.deepEqual(extra(rules), ['c 5:1 rwm']);
});
