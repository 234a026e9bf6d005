import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '#common/runtime-spec/validate.ts';
import { planMount } from '../rootfs/mount-options.ts';
import { listedArchitectures } from '../seccomp/architectures.ts';
import { defaultConfig, rootlessConfig } from './default-config.ts';
import { features } from './feature-list.ts';

test('defaultConfig() is a configuration that we run', () => {
  for (const cgroupVersion of [1, 2] as const) {
    const config = parseConfig(JSON.stringify(defaultConfig({ cgroupVersion })), { runnable: true });
    assert.equal(
      config.linux?.namespaces?.some(({ type }) => type === 'cgroup'),
      cgroupVersion === 2,
    );
  }
});

test('rootlessConfig() maps the user to root and leaves out what a user may not', () => {
  const text = JSON.stringify(rootlessConfig(defaultConfig({ cgroupVersion: 1 }), { uid: 1000, gid: 100 }));
  const { linux = {}, mounts = [] } = parseConfig(text, { runnable: true });
  assert.deepEqual(linux.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  assert.deepEqual(linux.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
  assert.deepEqual(
    linux.namespaces?.map(({ type }) => type),
    ['pid', 'ipc', 'uts', 'mount', 'user'],
  );
  assert.equal(linux.resources, undefined);
  assert.ok(!text.includes('gid='));
  assert.ok(mounts.find(({ destination }) => destination === '/sys')?.options?.includes('rbind'));
});

test('features names mount options that all file systems have', () => {
  for (const option of features.mountOptions) {
    const ofKernel = ['sync', 'dirsync', 'lazytime'].includes(option) ? [option] : [];
    assert.deepEqual(planMount({ destination: '/x', options: [option] }).data, ofKernel, option);
  }
  assert.equal(new Set(features.mountOptions).size, features.mountOptions.length);
});

test('features names what a configuration may hold', () => {
  const { namespaces, capabilities, seccomp } = features.linux;
  const hook = [{ path: '/x' }];
  const warnings: string[] = [];
  const config = {
    ociVersion: features.ociVersionMax,
    hooks: Object.fromEntries(features.hooks.map((name) => [name, hook])),
    process: { cwd: '/', args: ['x'], capabilities: { bounding: capabilities } },
    linux: {
      namespaces: namespaces.map((type) => ({ type, path: '/x' })),
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: seccomp.archs,
        flags: seccomp.knownFlags,
        syscalls: seccomp.actions.map((action) => ({
          names: ['read'],
          action,
          args: seccomp.operators.map((op) => ({ index: 0, value: 0, op })),
        })),
      },
    },
  };
  parseConfig(JSON.stringify(config), { warnings });
  assert.deepEqual(warnings, []);
  listedArchitectures(seccomp.archs, 'x86-64');
  assert.ok(seccomp.supportedFlags.every((flag) => seccomp.knownFlags.includes(flag)));
});
