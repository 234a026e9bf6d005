// Hooks of the configuration: config.md, "POSIX-platform Hooks".
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bundle } from './support/bundle.ts';

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
