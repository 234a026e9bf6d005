// The network namespace of a container.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bundle, type TestConfig } from './support/bundle.ts';

const flags = ['/bin/cat', '/sys/class/net/lo/flags'];
const IFF_UP = 1;

function isUp(config?: (config: TestConfig) => void): boolean {
  using bundle = new Bundle(config ? { args: flags, config } : { args: flags });
  const { stdout, stderr } = bundle.run();
  assert.equal(stderr, '');
  return (Number(stdout) & IFF_UP) !== 0;
}

test('the loopback device of a new network namespace is up', () => {
  assert.ok(isUp());
  assert.ok(
    isUp((config) => {
      config.linux.namespaces?.push({ type: 'user' });
      for (const mount of config.mounts) mount.options = (mount.options ?? []).filter((option) => option !== 'gid=5');
    }),
  );
});
