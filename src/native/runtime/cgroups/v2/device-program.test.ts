import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceRule } from '#common/runtime-spec/types.ts';
import { plainRules } from '../device-rules.ts';
import { deviceProgram } from './device-program.ts';
import { type DeviceRequest, disassemble, run } from './test-support/ebpf-interpreter.ts';

const denyAll: DeviceRule = { allow: false, access: 'rwm' };

function answer(rules: readonly DeviceRule[], request: string): boolean {
  const [type = '', numbers = '', access = ''] = request.split(' ');
  const [major = 0, minor = 0] = numbers.split(':').map(Number);
  return run(disassemble(deviceProgram(rules)), { type: type as 'b' | 'c', major, minor, access });
}

test('deviceProgram() lets every container use the default devices and make any device', () => {
  for (const rules of [[], [denyAll]]) {
    for (const request of ['c 1:3 rw', 'c 1:5 r', 'c 1:9 rwm', 'c 5:0 rw', 'c 5:2 rw', 'c 136:77 rw', 'c 10:200 rw'])
      assert.ok(answer(rules, request), request);
    assert.ok(answer(rules, 'b 8:0 m'));
    assert.ok(answer(rules, 'c 10:229 m'));
    for (const request of ['b 8:0 r', 'c 10:229 rw', 'c 1:1 r', 'c 5:1 w', 'b 1:3 r', 'b 8:0 rm'])
      assert.ok(!answer(rules, request), request);
  }
});

test('deviceProgram() lets the last rule for a kind of access decide', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'b', access: 'rw' },
    { allow: false, type: 'b', major: 8, minor: 1, access: 'w' },
  ];
  assert.ok(answer(rules, 'b 8:0 rw'));
  assert.ok(answer(rules, 'b 8:1 r'));
  assert.ok(!answer(rules, 'b 8:1 w'));
  assert.ok(!answer(rules, 'b 8:1 rw'));
  assert.ok(answer([...rules, { allow: true, type: 'b', major: 8, minor: 1, access: 'w' }], 'b 8:1 rw'));
});

test('deviceProgram() adds up what several rules allow', () => {
  const rules: DeviceRule[] = [
    denyAll,
    { allow: true, type: 'c', major: 10, minor: 229, access: 'r' },
    { allow: true, type: 'c', major: 10, access: 'w' },
  ];
  assert.ok(answer(rules, 'c 10:229 rw'));
  assert.ok(!answer(rules, 'c 10:1 rw'));
  assert.ok(answer(rules, 'c 10:1 w'));
});

test('deviceProgram() allows all where that is the last word', () => {
  assert.ok(answer([denyAll, { allow: true }], 'b 8:0 rwm'));
  assert.ok(!answer([{ allow: true }, { allow: false, type: 'c', major: 10, access: 'rw' }], 'c 10:5 r'));
  assert.ok(answer([{ allow: true }, { allow: false, type: 'c', major: 10, access: 'rw' }], 'c 11:5 rw'));
});

test('deviceProgram() takes a rule for all types by its numbers and access', () => {
  assert.ok(answer([{ allow: true, major: 10, minor: 229, access: 'r' }], 'c 10:229 r'));
  assert.ok(answer([{ allow: true, major: 10, minor: 229, access: 'r' }], 'b 10:229 r'));
  assert.ok(!answer([{ allow: true, major: 10, minor: 229, access: 'r' }], 'c 10:229 w'));
  assert.ok(!answer([{ allow: true, major: 10, minor: 229, access: 'r' }], 'c 10:228 r'));
});

test('deviceProgram() says what the rules say, for random ones', () => {
  const random = generator(7);
  const pick = <T>(...choices: T[]): T => choices[random() % choices.length] as T;
  for (let round = 0; round < 300; round++) {
    const rules: DeviceRule[] = [];
    for (let count = random() % 8; count > 0; count--) {
      const rule: DeviceRule = {
        allow: pick(true, false),
        type: pick('a', 'b', 'c'),
        access: pick('r', 'w', 'rw', 'm', 'rwm'),
      };
      if (pick(true, false)) rule.major = pick(1, 5, 10, -1);
      if (pick(true, false)) rule.minor = pick(0, 3, 200, -1);
      rules.push(rule);
    }
    const program = disassemble(deviceProgram(rules));
    for (let count = 0; count < 20; count++) {
      const request: DeviceRequest = {
        type: pick('b', 'c'),
        major: pick(1, 5, 10, 136),
        minor: pick(0, 2, 3, 200),
        access: pick('r', 'w', 'm', 'rw', 'rwm'),
      };
      assert.equal(run(program, request), meaning(rules, request), JSON.stringify([rules, request]));
    }
  }
});

/** config-linux.md read literally: entries in order, each for what it names. */
function meaning(rules: readonly DeviceRule[], { type, major, minor, access }: DeviceRequest): boolean {
  return [...access].every((letter) => {
    let allowed = false;
    for (const rule of plainRules(rules)) {
      const named = rule.access & (1 << 'rwm'.indexOf(letter));
      if (!named || rule.type !== type) continue;
      if ((rule.major ?? major) === major && (rule.minor ?? minor) === minor) allowed = rule.allow;
    }
    return allowed;
  });
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 8;
  };
}
