// Containers in a user namespace of their own.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { IdMapping } from '#common/runtime-spec/types.ts';
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

const mappings: IdMapping[] = [{ containerID: 0, hostID: 300_000, size: 100 }];

function mapIds(config: TestConfig): void {
  config.linux.uidMappings = mappings;
  config.linux.gidMappings = mappings;
}

test('devices that the host lacks are made, with mode and owner of the configuration', () => {
  const shown = inUserNamespace('stat -c "%n %A %u:%g %t:%T" /dev/proa-* /dev/deep/proa', (config) => {
    mapIds(config);
    config.linux.devices = [
      { path: '/dev/proa-block', type: 'b', major: 1, minor: 5, uid: 10, gid: 11, fileMode: 0o157 },
      { path: '/dev/proa-own', type: 'c', major: 1, minor: 5, uid: 200, gid: 0 },
      { path: '/dev/deep/proa', type: 'c', major: 1, minor: 3 },
    ];
  });
  assert.deepEqual(shown.split('\n'), [
    '/dev/proa-block b--xr-xrwx 10:11 1:5',
    '/dev/proa-own crw-rw-rw- 65534:0 1:5',
    '/dev/deep/proa crw-rw-rw- 0:0 1:3',
  ]);
  assert.ok(!existsSync('/dev/proa-block'));
});

test('a device of the configuration takes the place of a default one, and works', () => {
  const shown = inUserNamespace('stat -c %a /dev/null; echo word > /dev/null && echo written', (config) => {
    mapIds(config);
    config.linux.devices = [{ path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o622 }];
  });
  assert.equal(shown, '622\nwritten');
});

/** The host's network, in which no new sysfs may be mounted from a user namespace. */
function inHostNetwork(config: TestConfig, options: string[]): void {
  config.linux.namespaces = (config.linux.namespaces ?? []).filter(({ type }) => type !== 'network');
  for (const mount of config.mounts ?? []) if (mount.type === 'sysfs') mount.options = options;
}

test('in the host’s network the host’s sysfs stands in for a new one, with the flags that are wanted', () => {
  const command =
    'grep " /sys[ /]" /proc/mounts; ls /sys/class/net; for f in /sys/kernel/uevent_seqnum /sys/fs/cgroup/no; do echo 1 > $f; done';
  using bundle = makeBundle({
    args: ['sh', '-c', command],
    config: (config) => {
      config.linux.namespaces?.push({ type: 'user' });
      mapIds(config);
      inHostNetwork(config, ['nosuid', 'noexec', 'nodev', 'ro']);
      config.mounts = (config.mounts ?? []).filter(({ type }) => type !== 'cgroup' && type !== 'devpts');
    },
  });
  const { stdout, stderr } = runtime('run', '--bundle', bundle.path, newId());
  const lines = stdout.trim().split('\n');
  const mounts = lines.filter((line) => line.includes(' /sys'));
  assert.match(mounts[0] ?? '', /^\S+ \/sys sysfs ro,nosuid,nodev,noexec/);
  for (const line of mounts) assert.match(line, /^\S+ \S+ \S+ ro,nosuid,nodev,noexec/);
  assert.deepEqual(lines.slice(mounts.length), readdirSync('/sys/class/net').sort());
  assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
});

test('the host’s sysfs is not for a root that is the host’s and could write to it', () => {
  for (const [options, network] of [
    [['nosuid'], false],
    [['ro'], true],
  ] as const) {
    using bundle = makeBundle({
      args: ['true'],
      config: (config) => {
        config.linux.namespaces?.push({ type: 'user' });
        inHostNetwork(config, [...options]);
        config.mounts = (config.mounts ?? []).filter(({ type }) => type !== 'cgroup' && type !== 'devpts');
        // Of the host, by path: not this container's either.
        if (network) config.linux.namespaces?.push({ type: 'network', path: '/proc/self/ns/net' });
      },
    });
    const { status, stderr } = runtime('run', '--bundle', bundle.path, newId());
    assert.notEqual(status, 0);
    assert.match(
      stderr,
      network ? /sysfs.*operation not permitted/i : /the host’s sysfs at "\/sys" could be written to/,
    );
  }
});
