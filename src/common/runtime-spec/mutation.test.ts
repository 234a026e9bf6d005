// Random changes of a full configuration: whatever comes of them, the answer is a config or names a field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProaError } from '#common/errors.ts';
import { stringifyJson } from '#common/json/stringify.ts';
import './all.ts';
import { fullConfig, structuredCopy } from './test-configs.ts';
import { parseConfig, validateConfig } from './validate.ts';

type Random = (below: number) => number;
type Container = Record<string | number, unknown>;

/** mulberry32: the same numbers from the same seed on every engine. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const values: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  -0,
  65536,
  4294967295,
  4294967296,
  2 ** 53,
  1e300,
  Number.POSITIVE_INFINITY,
  1n << 63n,
  1n << 64n,
  -(1n << 70n),
  '',
  'x',
  '/',
  '..',
  '\0',
  '/a\0b',
  'é😀\ud800',
  'SCMP_ACT_ALLOW',
  'user',
  'CAP_SYS_ADMIN',
  [],
  {},
  [[]],
  [null],
  [{}],
  [''],
  ['/x'],
  { __proto__: null, path: '/x' },
  { type: 'pid' },
  { a: { b: { c: [1, 2n] } } },
];
const keys = [
  '__proto__',
  'constructor',
  'toString',
  'length',
  'path',
  'type',
  'vm',
  'zos',
  'intelRdt',
  'netDevices',
  '',
  'a.b',
  '\0',
  '0',
];

function pick<T>(list: T[], random: Random): T {
  return list[random(list.length)] as T;
}

/** Everything that can be changed, in any depth. */
function containersIn(value: unknown, found: Container[] = []): Container[] {
  if (typeof value !== 'object' || value === null) return found;
  found.push(value as Container);
  for (const inner of Object.values(value)) containersIn(inner, found);
  return found;
}

function set(container: Container, key: string | number, value: unknown): void {
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
}

function mutate(config: unknown, random: Random): void {
  const containers = containersIn(config);
  const container = pick(containers, random);
  const present = Object.keys(container);
  const value = random(4) === 0 ? structuredCopy(pick(containers, random)) : structuredCopy(pick(values, random));
  const key = pick(present, random);
  const action = random(3);
  if (action === 0 || key === undefined) {
    if (Array.isArray(container)) container.splice(random(container.length + 1), 0, value);
    else set(container, pick(keys, random), value);
  } else if (action === 1) set(container, key, value);
  else if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** Whether the field that `message` begins with is in `document`, or missing from an object that is. */
function namesField(message: string, document: unknown): boolean {
  const step = /\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  let at: unknown = document;
  let last = 0;
  for (let found = step.exec(message); found !== null; found = step.exec(message)) {
    last = step.lastIndex;
    const [, name, index, quoted] = found;
    const key = name ?? (index === undefined ? (JSON.parse(quoted as string) as string) : Number(index));
    if (typeof at !== 'object' || at === null || Array.isArray(at) !== (typeof key === 'number')) return false;
    const known = Object.hasOwn(at, key);
    at = known ? (at as Container)[key] : undefined;
  }
  return last > 0 && message.startsWith(': ', last);
}

function check(document: unknown, read: () => unknown, seed: string): boolean {
  const before = structuredCopy(document);
  try {
    read();
    return true;
  } catch (error) {
    const known = error instanceof ProaError && (error.kind === 'invalid' || error.kind === 'unsupported');
    if (!known) assert.fail(`seed ${seed}: ${String(error)} ${(error as Error).stack}`);
    if (!namesField(error.message, before)) assert.fail(`seed ${seed}: no field is named by: ${error.message}`);
    return false;
  }
}

test('validateConfig() ends 3,000 mutations in a config or in an error that names a field', () => {
  let right = 0;
  for (let seed = 0; seed < 3000; seed++) {
    const random = randomFrom(seed);
    const config = fullConfig();
    for (let count = random(3) + 1; count > 0; count--) mutate(config, random);
    if (!check(config, () => validateConfig(config, { runnable: seed % 2 === 0 }), String(seed))) continue;
    right++;
    // What has been found right stays so; comparing takes long inside QuickJS.
    if (right % 20 === 0) assert.deepEqual(validateConfig(structuredCopy(config)), config as never);
  }
  assert.ok(right > 300 && right < 2000, `${right} right of 3000`);
});

test('parseConfig() ends mutations of the text in a config or in an error that names a field or a place', () => {
  const text = stringifyJson(fullConfig());
  for (let seed = 0; seed < 500; seed++) {
    const random = randomFrom(seed);
    const at = random(text.length);
    const changed =
      text.slice(0, at) +
      pick(['', '"', '{', ']', '0', '\\', ',', '\n', '9'.repeat(20)], random) +
      text.slice(at + random(4));
    try {
      parseConfig(changed);
    } catch (error) {
      const known = error instanceof ProaError && /^(line \d+, column \d+: |[a-z]\w+.*: )/.test(error.message);
      if (!known) assert.fail(`seed ${seed}: ${String(error)}`);
    }
  }
});
