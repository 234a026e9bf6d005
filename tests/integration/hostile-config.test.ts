// Wrong, truncated and hostile configurations: an error that names the field, and nothing left behind.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bundle, defaultConfig, runtimePath, type TestConfig } from './support/bundle.ts';

/** How many documents to try; all of the ten thousand take three minutes. */
const COUNT = Number(process.env['PROA_MUTATIONS'] ?? 1500);

/** Numbers from 0 to 1 that are the same in each run: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const strange: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  4294967296,
  1e300,
  '',
  'x',
  '/nonexistent',
  '../..',
  'a\u0000b',
  '\ud800',
  'x'.repeat(5000),
  [],
  [null],
  [[]],
  {},
  { a: {} },
  'SCMP_ACT_KILL',
  'rprivate',
  'CAP_SYS_ADMIN',
  'RLIMIT_NOFILE',
  -9007199254740992,
];

function fullConfig(): TestConfig {
  const config = defaultConfig(['/bin/true']);
  config.annotations = { 'org.example': 'x' };
  config.process.oomScoreAdj = 100;
  config.process.user.additionalGids = [5];
  config.linux.devices = [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o666 }];
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      { names: ['swapon'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] },
    ],
  };
  config.linux.resources = {
    ...config.linux.resources,
    memory: { limit: 64_000_000 },
    pids: { limit: 100 },
    cpu: { shares: 512 },
  };
  config.linux.rootfsPropagation = 'private';
  return config;
}

type Holder = Record<string | number, unknown>;

/** Every place of a document: an object or array with one of its keys. */
function places(value: unknown, path = ''): { holder: Holder; key: string; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((key) => {
    const here = path === '' ? key : `${path}.${key}`;
    return [{ holder: value as Holder, key, path: here }, ...places((value as Holder)[key], here)];
  });
}

/** Places that a mutation leaves alone: another root or working tree could be one of the host's. */
const untouched = /^(root$|root\.path|process\.args|linux$|linux\.namespaces)/;

function mutated(random: () => number): string {
  const config = fullConfig();
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    const candidates = places(config).filter(({ path }) => !untouched.test(path));
    const { holder, key } = pick(candidates);
    const kind = random();
    if (kind < 0.2) delete holder[key];
    else if (kind < 0.8) holder[key] = pick(strange);
    else holder[pick(['__proto__', 'constructor', 'x', '0', 'type', 'path'])] = pick(strange);
  }
  let text = JSON.stringify(config);
  if (random() < 0.1) text = text.slice(0, Math.floor(random() * text.length));
  if (random() < 0.05) {
    const at = Math.floor(random() * text.length);
    text =
      text.slice(0, at) + pick(['"', '{', ']', ',', '\u0000', '9'.repeat(400), '[['.repeat(3000)]) + text.slice(at + 1);
  }
  return text;
}

test(`${COUNT} mutations of a valid configuration never crash the runtime and leave nothing behind`, () => {
  using bundle = new Bundle();
  const random = randomFrom(1);
  let refused = 0;
  for (let n = 0; n < COUNT; n++) {
    const text = mutated(random);
    writeFileSync(join(bundle.path, 'config.json'), text);
    const run = spawnSync(runtimePath, ['--root', bundle.root, 'run', bundle.id], {
      cwd: bundle.path,
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const story = `mutation ${n}: ${run.stderr.slice(0, 300)}\n${text.slice(0, 3000)}`;
    assert.equal(run.signal, null, story);
    assert.doesNotMatch(run.stderr, /TypeError|RangeError|ReferenceError|InternalError|SyntaxError/, story);
    if (run.stderr.includes('load the configuration: ')) {
      refused++;
      // The field's path, or for what is not JSON line and column.
      assert.match(
        run.stderr,
        /load the configuration: (line \d+, column \d+|config|[A-Za-z_0$][\w.[\]"/ $-]*):? /,
        story,
      );
      assert.equal(run.status, 1, story);
    }
    assert.deepEqual(bundle.leftovers(), [], story);
  }
  assert.ok(refused > COUNT / 4, `only ${refused} of ${COUNT} were refused`);
});

test('a configuration that is missing, empty or no object is refused by name', () => {
  using bundle = new Bundle();
  for (const [text, expected] of [
    ['', /line 1, column 1/],
    ['[]', /config: expected an object/],
    ['{"ociVersion":"1.0.0"', /line 1, column/],
    ['{"ociVersion":"1.0.0"}', /root: missing/],
    ['{"ociVersion":"2.0.0"}', /ociVersion/],
  ] as const) {
    writeFileSync(join(bundle.path, 'config.json'), text);
    const { status, stderr } = bundle.run();
    assert.equal(status, 1);
    assert.match(stderr, expected, text);
  }
});
