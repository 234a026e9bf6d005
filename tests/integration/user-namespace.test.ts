// Containers in a user namespace of their own.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeBundle, newId, runtime, type TestConfig } from './support/container.ts';

/** What `command` prints in a new user namespace. */
function inUserNamespace(command: string, change: (config: TestConfig) => void = () => {}): string {
  using bundle = makeBundle({
    args: ['sh', '-c', command],
    config: (config) => {
      config.linux.namespaces?.push({ type: 'user' });
      // Group 5 has no mapping in most of these.
      for (const mount of config.mounts ?? [])
        mount.options = (mount.options ?? []).filter((option) => option !== 'gid=5');
      change(config);
    },
  });
  const { stdout, stderr } = runtime('run', '--bundle', bundle.path, newId());
  assert.equal(stderr, '');
  return stdout.trim();
}

test('without mappings root is the host’s root, with the ids that /etc/subuid leaves to it', () => {
  const [first, ...more] = inUserNamespace('cat /proc/self/uid_map').split('\n');
  assert.equal(first?.trim().replace(/ +/g, ' '), '0 0 1');
  const left = existsSync('/etc/subuid') && /^(root|0):/m.test(readFileSync('/etc/subuid', 'utf8'));
  assert.equal(more.length, left ? 1 : 0);
  assert.match(inUserNamespace('cat /proc/self/gid_map; id -u; id -g'), /^ *0 +0 +1\n(.*\n)?0\n0$/);
});
