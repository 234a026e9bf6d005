// Hooks of the configuration: config.md, "POSIX-platform Hooks".
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from './support/agent.ts';
import { Bundle, runtimePath, type TestConfig } from './support/bundle.ts';

/** A bundle whose poststart hook fails, and whose poststop hook writes to a file. */
function failingBundle(): Bundle {
  const bundle = new Bundle({
    args: ['/bin/sleep', '100'],
    config: (config) => {
      const stopped = ['sh', '-c', 'cat > "$0"', 'stopped'];
      config.hooks = { poststart: [{ path: '/bin/false' }], poststop: [{ path: '/bin/sh', args: stopped }] };
    },
  });
  return bundle;
}

function assertUnmade(bundle: Bundle): void {
  assert.deepEqual(bundle.leftovers(), []);
  assert.match(readFileSync(join(bundle.path, 'stopped'), 'utf8'), /"status":"stopped"/);
}

for (const options of [[], ['--detach']]) {
  test(`run ${options.join(' ')} unmakes a container whose poststart hook fails`, { timeout: 20_000 }, () => {
    using bundle = failingBundle();
    const { status, stderr } = bundle.run(...options);
    assert.equal(status, 1);
    assert.match(stderr, /run poststart hook "\/bin\/false": exit status 1/);
    assertUnmade(bundle);
  });
}

test('start unmakes a container whose poststart hook fails', { timeout: 20_000 }, () => {
  using bundle = failingBundle();
  assert.equal(bundle.create().status, 0);
  assert.ok(!existsSync(join(bundle.path, 'stopped')));
  const { status, stderr } = bundle.runtime('start', bundle.id);
  assert.equal(status, 1);
  assert.match(stderr, /run poststart hook/);
  assertUnmade(bundle);
});

/** What is wrong with a start, by the hook that fails or a program that is not there. */
const failures: [name: string, change: (config: TestConfig) => void][] = [
  ['createRuntime', ({ hooks }) => hooks?.createRuntime?.push({ path: '/bin/false' })],
  ['createContainer', ({ hooks }) => Object.assign(hooks ?? {}, { createContainer: [{ path: '/bin/false' }] })],
  ['startContainer', ({ hooks }) => Object.assign(hooks ?? {}, { startContainer: [{ path: '/bin/false' }] })],
  ['no program', ({ process }) => Object.assign(process, { args: ['/none'] })],
];

for (const [name, change] of failures) {
  test(`what createRuntime hooks have done is undone by poststop hooks when the start fails: ${name}`, () => {
    using bundle = new Bundle({
      args: ['/bin/true'],
      config: (config) => {
        // Both begin in the bundle.
        const done = (word: string) => [{ path: '/bin/sh', args: ['sh', '-c', `echo ${word} >> done`] }];
        config.hooks = { createRuntime: done('made'), poststop: [{ path: '/bin/false' }, ...done('unmade')] };
        change(config);
      },
    });
    const { status, stderr } = bundle.run();
    assert.equal(status, 1);
    assert.match(stderr, /run poststop hook \\"\/bin\/false\\": exit status 1/);
    assert.equal(readFileSync(join(bundle.path, 'done'), 'utf8'), 'made\nunmade\n');
    assert.deepEqual(bundle.leftovers(), []);
  });
}

test('delete --force does not wait for a hook of the container that it ends', { timeout: 30_000 }, async () => {
  using bundle = new Bundle({
    args: ['/bin/true'],
    config: (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', 'echo $$ > begun; exec sleep 100'] }] };
    },
  });
  const creating = spawn(runtimePath, ['--root', bundle.root, 'create', '--bundle', bundle.path, bundle.id], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  creating.stderr.on('data', (text) => {
    told += text;
  });
  const ended = once(creating, 'close');
  const begun = join(bundle.path, 'begun');
  await until(() => existsSync(begun) && readFileSync(begun, 'utf8') !== '');
  assert.equal(bundle.runtime('delete', '--force', bundle.id).status, 0);
  assert.deepEqual(await ended, [1, null]);
  assert.match(told, /run createRuntime hook "\/bin\/sh": the container’s process has ended meanwhile/);
  assert.ok(!existsSync(`/proc/${readFileSync(begun, 'utf8').trim()}/exe`));
  assert.deepEqual(bundle.leftovers(), []);
});
